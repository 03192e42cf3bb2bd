import type { RequestId } from "./effects.ts";
import type { Server } from "./server.ts";
import type { LogIndex, NodeId } from "./types.ts";

/** Who waits: a client of this server, or another server on behalf of its own. */
export type Reader =
  | { readonly type: "client"; readonly id: RequestId }
  | { readonly type: "server"; readonly from: NodeId; readonly sequence: number };

interface Round {
  readonly readers: readonly Reader[];
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
  #waiting: Reader[] = [];
  #round: Round | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** True while a read waits for anything. */
  get isActive(): boolean {
    return this.#round !== null || this.#waiting.length > 0;
  }

  add(reader: Reader): void {
    this.#waiting.push(reader);
  }

  /** Begins a round at `commitIndex` if reads wait for one. True if so: then a heartbeat must be sent to every follower now. */
  begin(commitIndex: LogIndex): boolean {
    if (this.#round !== null || this.#waiting.length === 0) return false;
    // Numbered by what is sent from now on. An answer to an older request, even one that arrives later, proves nothing about
    // the time after the read began (etcd #20418).
    const sequence = this.#server.lastSequence + 1;
    this.#round = { readers: this.#waiting, readIndex: commitIndex, sequence };
    this.#waiting = [];
    return true;
  }

  /** A majority has answered all requests up to `sequence`. */
  confirm(sequence: number): void {
    if (this.#round === null || sequence < this.#round.sequence) return;
    const { readers, readIndex } = this.#round;
    this.#round = null;
    for (const reader of readers) {
      if (reader.type === "client") this.#server.readAt(reader.id, readIndex);
      else this.#answer(reader, readIndex);
    }
  }

  /** Gives up the reads that are not confirmed. Returns those of this server's clients. */
  drain(): RequestId[] {
    const readers = [...(this.#round?.readers ?? []), ...this.#waiting];
    this.#round = null;
    this.#waiting = [];
    return readers.flatMap((reader) => {
      if (reader.type === "client") return [reader.id];
      this.#answer(reader, -1);
      return [];
    });
  }

  #answer({ from, sequence }: Extract<Reader, { type: "server" }>, readIndex: LogIndex): void {
    const { id, term } = this.#server;
    this.#server.sendInDurableTerm({
      type: "readIndexResponse",
      from: id,
      to: from,
      term,
      sequence,
      readIndex,
    });
  }
}
