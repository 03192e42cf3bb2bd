import type { LogIndex } from "@eraft/core";
import type { SessionId } from "./serial.ts";

/** Where the result of one write is kept. It is filled once, when the write has been applied. */
export class ResultSlot<Result> {
  #result: Result | undefined = undefined;
  #isSettled = false;

  /** What the write gave. @throws Error if it has not been applied yet: that is, between `claim` and `settle`. */
  get result(): Result {
    if (!this.#isSettled) throw new Error("the result of a write was asked for before it was there");
    return this.#result as Result;
  }

  settle(result: Result): void {
    if (this.#isSettled) throw new Error("a write of a session was applied twice");
    this.#result = result;
    this.#isSettled = true;
  }
}

/** A session as it was at one moment. */
export interface SessionView<Result> {
  readonly id: SessionId;
  /** The index of the last command that belonged to it. Sessions expire in the order of this. */
  readonly lastUsed: LogIndex;
  /** The results of the writes below this are given up. */
  readonly firstUnanswered: number;
  /** What the writes from `firstUnanswered` up gave, as far as they have arrived, with their sequences, in the order of these. */
  results(): readonly (readonly [sequence: number, result: Result])[];
}

/** A session. May be modified only while its generation is the table's own: otherwise a view may share it. */
export class Session<Result> implements SessionView<Result> {
  readonly id: SessionId;
  readonly generation: number;
  lastUsed: LogIndex;
  firstUnanswered: number;
  readonly slots: Map<number, ResultSlot<Result>>;

  constructor(
    generation: number,
    { id, lastUsed, firstUnanswered, slots }: Omit<Session<Result>, "generation" | "forgetBelow" | "results">,
  ) {
    this.id = id;
    this.generation = generation;
    this.lastUsed = lastUsed;
    this.firstUnanswered = firstUnanswered;
    this.slots = slots;
  }

  /** Gives up what the caller has. Returns how many results that were. */
  forgetBelow(firstUnanswered: number): number {
    const { slots } = this;
    const before = slots.size;
    if (firstUnanswered - this.firstUnanswered <= before) {
      for (let sequence = this.firstUnanswered; sequence < firstUnanswered; sequence++)
        slots.delete(sequence);
    } else {
      for (const sequence of slots.keys()) if (sequence < firstUnanswered) slots.delete(sequence);
    }
    this.firstUnanswered = Math.max(this.firstUnanswered, firstUnanswered);
    return before - slots.size;
  }

  results(): readonly (readonly [number, Result])[] {
    const results = [...this.slots].map(([sequence, slot]) => [sequence, slot.result] as const);
    return results.toSorted(([one], [other]) => one - other);
  }
}
