import type { LogIndex, NodeId } from "@eraft/core";
import { mustHold } from "../violation.ts";

/** How long a command may take to be agreed on, whatever happened before: the labs' 10 s. */
const AGREE_WITHIN_MS = 10_000;
/** How long to wait for an entry before the command is given to a leader again. */
const GIVE_UP_ENTRY_MS = 2000;
const TRY_AGAIN_MS = 50;

/** The cluster, as far as an agreement needs it. */
export interface Agreeing {
  readonly now: number;
  /** Proposes `command` to any server that leads and is connected; returns its index, null if no server takes it. */
  startAnywhere(command: number): LogIndex | null;
  /** How many servers have applied the entry at `index`. */
  nCommitted(index: LogIndex): number;
  /** The command that is committed at `index`; null for a no-op, undefined if nothing is committed there. */
  committedCommand(index: LogIndex): number | null | undefined;
}

export interface AgreementOptions {
  /** Proposes the command again if the entry is lost. It may then be committed twice. Default true. */
  readonly retry?: boolean;
}

/** One command on its way to being applied by a number of servers: the labs' `one`, in steps, so that several can be under way at a time. */
export class Agreement {
  readonly #cluster: Agreeing;
  readonly #command: number;
  readonly #servers: number;
  readonly #retry: boolean;
  readonly #startedAt: number;
  #tryAt: number;
  #entry: { readonly index: LogIndex; readonly at: number } | null = null;

  constructor(cluster: Agreeing, command: number, servers: number, { retry = true }: AgreementOptions = {}) {
    this.#cluster = cluster;
    this.#command = command;
    this.#servers = servers;
    this.#retry = retry;
    this.#startedAt = cluster.now;
    this.#tryAt = cluster.now;
  }

  /** The index at which enough servers have applied the command, null as long as there is none. Throws Violation when it takes too long. */
  poll(): LogIndex | null {
    const { now } = this.#cluster;
    if (this.#entry === null && now >= this.#tryAt) {
      const index = this.#cluster.startAnywhere(this.#command);
      if (index !== null) this.#entry = { index, at: now };
      this.#tryAt = now + TRY_AGAIN_MS;
    }
    if (this.#entry !== null && this.#isAgreed(this.#entry.index)) return this.#entry.index;
    mustHold(now < this.#startedAt + AGREE_WITHIN_MS, "Liveness: Agreement", () => this.#complaint());
    if (this.#entry !== null && now >= this.#entry.at + GIVE_UP_ENTRY_MS) {
      mustHold(this.#retry, "Liveness: Agreement", () => this.#complaint());
      this.#entry = null;
    }
    return null;
  }

  #isAgreed(index: LogIndex): boolean {
    if (this.#cluster.committedCommand(index) !== this.#command) return false;
    return this.#cluster.nCommitted(index) >= this.#servers;
  }

  #complaint(): string {
    const entry = this.#entry;
    const where =
      entry === null
        ? "no leader takes it"
        : `${this.#cluster.nCommitted(entry.index)} servers have applied index ${entry.index}`;
    return `command ${this.#command} is not agreed on by ${this.#servers} servers: ${where}`;
  }
}

/** Servers by number, for messages. */
export function listOf(nodes: Iterable<NodeId>): string {
  return [...nodes].join(", ") || "none";
}
