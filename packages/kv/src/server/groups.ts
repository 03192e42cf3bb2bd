import type { Clock } from "@eraft/core";
import { type Failure, Reason } from "@eraft/proto/eraft/kv/v1";
import { failure, failureOf, TimeLimitError } from "./failure.ts";
import type { NextTurn } from "./turns.ts";

/** What is collected for one request to the node. */
export interface GroupLimits {
  readonly maxCount: number;
  readonly maxBytes: number;
}

/** Somebody who waits for an answer. Is told once. */
export interface Asked<Question, Answer> {
  readonly question: Question;
  readonly sizeBytes: number;
  readonly done: (answer: Answer) => void;
  readonly failed: (failure: Failure) => void;
}

export interface GroupsOptions {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  readonly timeLimitMs: number;
  /** Questions that may wait, for all callers together. */
  readonly maxWaiting: number;
}

/**
 * Asks for many at once: what comes within one turn of the event loop is one request to the node. So there is one timer, one signal and one promise for all of
 * them, and for the node one entry of the log, or one round of heartbeats.
 *
 * They are asked in the order in which they came.
 */
export class Groups<Question, Answer> {
  readonly #ask: (questions: readonly Question[], signal: AbortSignal) => Promise<readonly Answer[]>;
  readonly #limits: GroupLimits;
  readonly #options: GroupsOptions;
  #collected: Asked<Question, Answer>[] = [];
  #waiting = 0;

  constructor(
    limits: GroupLimits,
    options: GroupsOptions,
    ask: (questions: readonly Question[], signal: AbortSignal) => Promise<readonly Answer[]>,
  ) {
    this.#limits = limits;
    this.#options = options;
    this.#ask = ask;
  }

  /** Questions without an answer. */
  get waiting(): number {
    return this.#waiting;
  }

  push(asked: Asked<Question, Answer>): void {
    if (this.#waiting >= this.#options.maxWaiting) {
      asked.failed(
        failure(Reason.BUSY, "Too many requests are waiting. Nothing was done: try again after a pause."),
      );
      return;
    }
    this.#waiting += 1;
    if (this.#collected.push(asked) === 1) this.#options.nextTurn(() => this.#askAll());
  }

  #askAll(): void {
    const collected = this.#collected;
    this.#collected = [];
    const { maxCount, maxBytes } = this.#limits;
    let group: Asked<Question, Answer>[] = [];
    let bytes = 0;
    for (const asked of collected) {
      if (group.length > 0 && (group.length >= maxCount || bytes + asked.sizeBytes > maxBytes)) {
        void this.#askGroup(group);
        group = [];
        bytes = 0;
      }
      group.push(asked);
      bytes += asked.sizeBytes;
    }
    void this.#askGroup(group);
  }

  /** Never rejects. */
  async #askGroup(group: readonly Asked<Question, Answer>[]): Promise<void> {
    const { clock, timeLimitMs } = this.#options;
    const controller = new AbortController();
    const cancel = clock.after(timeLimitMs, () => controller.abort(new TimeLimitError()));
    try {
      const answers = await this.#ask(
        group.map(({ question }) => question),
        controller.signal,
      );
      if (answers.length !== group.length)
        throw new Error("the node's state machine is not a key-value store");
      this.#waiting -= group.length;
      for (const [position, { done }] of group.entries()) done(answers[position]!);
    } catch (error) {
      this.#waiting -= group.length;
      const why = asFailure(error);
      for (const { failed } of group) failed(why);
    } finally {
      cancel();
    }
  }
}

/** What no caller can do anything about is a fault of this server. */
function asFailure(error: unknown): Failure {
  try {
    return failureOf(error);
  } catch {
    return failure(Reason.UNSPECIFIED, "internal error", { outcomeUnknown: true });
  }
}
