import type { RequestId } from "./effects.ts";
import type { Server } from "./server.ts";
import type { LogIndex } from "./types.ts";

interface Round {
  readonly ids: readonly RequestId[];
  readonly readIndex: LogIndex;
  /** A majority must answer a request numbered at least this: one sent after the reads came in. */
  readonly sequence: number;
}

/**
 * Linearizable reads without a log entry (dissertation, 6.4): remember the commit index, make sure one still leads by a round of heartbeats begun
 * after the read arrived, wait until that index is applied. All reads that arrive during a round share the next one.
 */
export class ReadIndex {
  readonly #server: Server;
  #waiting: RequestId[] = [];
  #round: Round | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** True while a read waits for anything. */
  get isActive(): boolean {
    return this.#round !== null || this.#waiting.length > 0;
  }

  add(id: RequestId): void {
    this.#waiting.push(id);
  }

  /** Begins a round at `commitIndex` if reads wait for one. True if so: then a heartbeat must be sent to every follower now. */
  begin(commitIndex: LogIndex): boolean {
    if (this.#round !== null || this.#waiting.length === 0) return false;
    // Numbered by what is sent from now on. An answer to an older request, even one that arrives later, proves nothing about
    // the time after the read began (etcd #20418).
    const sequence = this.#server.lastSequence + 1;
    this.#round = { ids: this.#waiting, readIndex: commitIndex, sequence };
    this.#waiting = [];
    return true;
  }

  /** A majority has answered all requests up to `sequence`. */
  confirm(sequence: number): void {
    if (this.#round === null || sequence < this.#round.sequence) return;
    const { ids, readIndex } = this.#round;
    this.#round = null;
    for (const id of ids) this.#server.readAt(id, readIndex);
  }

  /** Gives up the reads that are not confirmed. */
  drain(): RequestId[] {
    const ids = [...(this.#round?.ids ?? []), ...this.#waiting];
    this.#round = null;
    this.#waiting = [];
    return ids;
  }
}
