import type { ClientId, Operation } from "./history.ts";

/** An operation under way. Exactly one of the three is called, once, by whoever waits for the answer. */
export interface PendingOperation<Output> {
  /** The answer has been received. */
  ok(output: Output): void;
  /** It may or may not have taken effect, or may still do so. Its client id is used up. */
  unknown(): void;
  /** It certainly did not take effect and never will. */
  failed(): void;
}

/**
 * Records a history by the rules that make it checkable, and throws when the caller is about to break one.
 *
 * Without a clock it numbers the events 1, 2, 3, ...: in one process, that is the finest monotonic clock there is.
 */
export class HistoryRecorder<Input, Output> {
  readonly #clock: () => number;
  readonly #operations: Operation<Input, Output>[] = [];
  /** Clients that may not call now, and why. */
  readonly #blocked = new Map<ClientId, "has an operation under way" | "is used up by an unknown outcome">();
  #nextClient = 0;
  #ticks = 0;

  /** @param clock monotonic, the same for all clients of this history, in any unit */
  constructor(clock?: () => number) {
    this.#clock = clock ?? (() => ++this.#ticks);
  }

  /** A client id that this method has not given before: 0, 1, 2, ... Needed at the start and after each unknown outcome. */
  newClient(): ClientId {
    return this.#nextClient++;
  }

  /**
   * To be called before the request is sent. Retries of one operation belong to the one call: they are the same operation.
   *
   * @throws RangeError while the client's last operation is under way or its outcome unknown; nothing is recorded then
   */
  call(client: ClientId, input: Input): PendingOperation<Output> {
    const blocked = this.#blocked.get(client);
    if (blocked !== undefined) throw new RangeError(`client ${client} ${blocked}`);
    this.#blocked.set(client, "has an operation under way");
    const call = this.#clock();
    // Until something else is known, the outcome is unknown: also for whoever takes the history while this is under way.
    const index = this.#operations.push({ client, call, input, outcome: "unknown" }) - 1;
    let settled = false;
    const settle = (operation: Operation<Input, Output>): void => {
      if (settled) throw new RangeError(`the outcome of operation ${index} has been recorded before`);
      settled = true;
      this.#operations[index] = operation;
      if (operation.outcome === "unknown") this.#blocked.set(client, "is used up by an unknown outcome");
      else this.#blocked.delete(client);
    };
    return {
      ok: (output) => settle({ client, call, input, outcome: "ok", return: this.#clock(), output }),
      unknown: () => settle({ client, call, input, outcome: "unknown" }),
      failed: () => settle({ client, call, input, outcome: "failed", return: this.#clock() }),
    };
  }

  /** The history so far, a copy. What is under way counts as unknown. */
  operations(): Operation<Input, Output>[] {
    return [...this.#operations];
  }
}
