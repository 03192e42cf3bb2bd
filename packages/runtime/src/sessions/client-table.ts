import { Recency, type RecencyChanges } from "./recency.ts";

/** What is remembered of one client. Never modified: a later write replaces it. */
export interface ClientWrite<Result> {
  readonly clientId: bigint;
  /** The last write that was applied for it. */
  readonly commandId: bigint;
  /** What that gave. */
  readonly result: Result;
}

/**
 * The simpler kind of session, without a command that opens it: a client names itself and numbers its writes upwards, one at a time. Only the last one is
 * remembered, and a client that is not known is a new one. So whoever was forgotten and repeats a write has it done twice: nothing for new protocols, but it
 * is what the Go nodes' contract can say. Prefer {@link SessionTable}.
 *
 * As there, what goes follows from the log: the client whose last write is the oldest in it. A repeated write is none, and makes nobody younger.
 */
export class ClientTable<Result> {
  readonly maxClients: number;
  readonly #writes = new Recency<bigint, ClientWrite<Result>>();

  constructor(maxClients: number) {
    if (!Number.isInteger(maxClients) || maxClients < 1 || maxClients > 2 ** 24) {
      throw new RangeError(`maxClients is ${maxClients}, not a whole number from 1 to 2^24`);
    }
    this.maxClients = maxClients;
  }

  get size(): number {
    return this.#writes.size;
  }

  has(clientId: bigint): boolean {
    return this.#writes.has(clientId);
  }

  /** The last write of a client if `commandId` is that or an older one, so is not to be applied. Undefined if it is new. */
  earlier(clientId: bigint, commandId: bigint): ClientWrite<Result> | undefined {
    const last = this.#writes.get(clientId);
    return last !== undefined && commandId <= last.commandId ? last : undefined;
  }

  /** Remembers a write as the newest of the log. Also takes over those of a snapshot, in the order of the view. */
  record(write: ClientWrite<Result>): void {
    this.#writes.use(write.clientId, write);
    if (this.#writes.size > this.maxClients) this.#writes.removeOldest();
  }

  /** Does a write unless it was done: then what the client's last one gave. */
  once(clientId: bigint, commandId: bigint, write: () => Result): Result {
    const earlier = this.earlier(clientId, commandId);
    if (earlier !== undefined) return earlier.result;
    const result = write();
    this.record({ clientId, commandId, result });
    return result;
  }

  /** What is remembered now, the oldest write first. */
  view(): readonly ClientWrite<Result>[] {
    return this.#writes.values();
  }

  /** From now on it is noted what changes, see `SessionTable.trackChanges`. */
  trackChanges(): void {
    this.#writes.trackChanges();
  }

  /** Which clients have written, in this order, and which are forgotten; see `SessionTable.takeChanges`. */
  takeChanges(): RecencyChanges<bigint, ClientWrite<Result>> {
    return this.#writes.takeChanges();
  }
}
