import type { PartitionReport } from "./check.ts";
import type { Interval } from "./history.ts";
import type { Model } from "./model.ts";
import { isObserved } from "./observers.ts";
import { type SearchLimits, type SearchResult, searchLinearization } from "./wgl.ts";

export interface MinimiseOptions {
  /** Steps of all searches on the way together, as `SearchLimits.maxSteps` counts them; 20 million by default, some seconds. */
  readonly maxSteps?: number;
}

/** An illegal history from which nothing can be left out. */
export interface MinimalHistory<State, Input, Output> extends PartitionReport<State, Input, Output> {
  readonly verdict: "illegal";
  /** Operations of the partition that are not in `intervals`. */
  readonly leftOut: number;
  /** False if a limit was reached: then something more may perhaps be left out. */
  readonly minimal: boolean;
}

/**
 * Leaves out of an illegal history whatever can be left out so that what remains is illegal *and still a proof*: were the whole
 * history linearizable, the rest would be too. So these are the only steps it takes:
 *
 * 1. End the history at the return that no order gets beyond. What was open then has an unknown outcome, as it had at that time.
 * 2. Drop reads. A linearization without them is a linearization.
 * 3. Drop writes on which nothing that remains may depend (`Model.mayDependOn`).
 * 4. If it is still long: begin with the state that a read has shown (`Model.stateShownBy`), and with what was called after it. Writes
 *    that were open during the read come before or after it, so they become unknown outcomes. The read itself stays in view.
 *
 * Dropping just any write as long as the rest stays illegal would end in the same two bars for every history: a read, and no write
 * of what it read. That is illegal, but it never happened.
 *
 * The result is minimal in that no single further step can be taken.
 *
 * @throws RangeError if the report's verdict is not `illegal`, or `maxSteps` is not a positive integer
 */
export function minimise<State, Input, Output>(
  model: Model<State, Input, Output>,
  report: PartitionReport<State, Input, Output>,
  { maxSteps = 20_000_000 }: MinimiseOptions = {},
): MinimalHistory<State, Input, Output> {
  if (report.verdict !== "illegal")
    throw new RangeError(`there is nothing illegal to show: ${report.verdict}`);
  if (!Number.isSafeInteger(maxSteps) || maxSteps < 1) {
    throw new RangeError(`maxSteps must be a positive integer, not ${maxSteps}`);
  }
  return new Minimiser(model, report, maxSteps).run();
}

/** As many operations as can be taken in at a glance. */
const SHORT = 12;

/** A part of the history, by time of call, and the search that showed it illegal. */
interface Part<State, Input, Output> {
  readonly intervals: readonly Interval<Input, Output>[];
  readonly found: SearchResult<State>;
  readonly minimal: boolean;
  /** The read that showed the first state, if it is not that of the model. */
  readonly opening: Interval<Input, Output> | null;
}

class Minimiser<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #report: PartitionReport<State, Input, Output>;
  /** For one search. A part that takes far longer than the whole did is not worth it. */
  readonly #limits: SearchLimits;
  #stepsLeft: number;
  #best: Part<State, Input, Output>;

  constructor(
    model: Model<State, Input, Output>,
    report: PartitionReport<State, Input, Output>,
    maxSteps: number,
  ) {
    this.#model = model;
    this.#report = report;
    this.#limits = {
      maxSteps: Math.max(100_000, 4 * report.steps),
      maxConfigurations: Math.max(10_000, 4 * report.configurations),
    };
    this.#stepsLeft = maxSteps;
    this.#best = { intervals: report.intervals, found: report, minimal: true, opening: null };
  }

  run(): MinimalHistory<State, Input, Output> {
    this.#endAtBlocked();
    const whole = this.#best;
    const half = this.#stepsLeft / 2;
    this.#drop(half);
    if (this.#best.intervals.length > SHORT) {
      const long = this.#best;
      this.#stepsLeft = Math.max(this.#stepsLeft, half);
      this.#best = whole;
      if (this.#beginAtRead()) this.#drop(0);
      if (this.#best.intervals.length >= long.intervals.length) this.#best = long;
    }
    const { intervals, found, minimal } = this.#best;
    const leftOut = this.#report.intervals.length - intervals.length;
    return { ...found, verdict: "illegal", key: this.#report.key, intervals, leftOut, minimal };
  }

  #endAtBlocked(): void {
    const { intervals, found } = this.#best;
    const end = intervals[found.blocked!]!.return;
    const before = intervals
      .filter(({ call }) => call <= end)
      .map((interval) => (interval.return <= end ? interval : withoutReply(interval)))
      .filter(({ input, reply }) => reply !== null || !this.#model.isRead(input));
    // An open operation's later answer may be what makes the history illegal; then it has to stay as it is.
    this.#keepIfIllegal(
      before.toSorted((a, b) => a.call - b.call),
      found.start,
    );
  }

  #beginAtRead(): boolean {
    const { intervals } = this.#best;
    if (this.#model.stateShownBy === undefined) return false;
    return intervals.toReversed().some((read) => {
      if (this.#stepsLeft <= 0 || read.reply === null || !this.#model.isRead(read.input)) return false;
      const after = intervals
        .filter((interval) => interval.return >= read.call)
        .map((interval) =>
          interval === read || interval.call > read.return ? interval : withoutReply(interval),
        )
        .filter(({ input, reply }) => reply !== null || !this.#model.isRead(input));
      return this.#keepIfIllegal(after, this.#model.stateShownBy!(read.input, read.reply.output), read);
    });
  }

  /** Drops reads and unnoticed writes, many at a time and then one by one, until none can go or `reserve` steps are left. */
  #drop(reserve: number): void {
    for (let size = Math.ceil(this.#best.intervals.length / 2); ;) {
      const dropped = this.#dropChunks(size, reserve);
      // After a pass of single operations that dropped something, others may have become droppable.
      if (size > 1) size = Math.ceil(size / 2);
      else if (!dropped) return;
      if (this.#stepsLeft <= reserve) {
        this.#best = { ...this.#best, minimal: false };
        return;
      }
    }
  }

  /** Tries to drop `size` neighbours at a time, the latest first: what explains an answer stands before it. */
  #dropChunks(size: number, reserve: number): boolean {
    let dropped = false;
    for (let end = this.#best.intervals.length; end > 0 && this.#stepsLeft > reserve; end -= size) {
      const rest = this.#without(Math.max(0, end - size), end);
      if (rest.length === this.#best.intervals.length) continue;
      if (this.#keepIfIllegal(rest, this.#best.found.start)) dropped = true;
    }
    return dropped;
  }

  /** What remains if everything from `from` to `end` is dropped that may be. */
  #without(from: number, end: number): readonly Interval<Input, Output>[] {
    const { intervals, opening } = this.#best;
    const isRead = (interval: Interval<Input, Output>): boolean => this.#model.isRead(interval.input);
    let rest = intervals.filter(
      (interval, i) => i < from || i >= end || !isRead(interval) || interval === opening,
    );
    for (const interval of intervals.slice(from, end)) {
      if (isRead(interval) || isObserved(this.#model, interval, rest)) continue;
      rest = rest.filter((other) => other !== interval);
    }
    return rest;
  }

  #keepIfIllegal(
    intervals: readonly Interval<Input, Output>[],
    start: State,
    opening: Interval<Input, Output> | null = this.#best.opening,
  ): boolean {
    const found = searchLinearization(this.#model, intervals, start, this.#limits);
    this.#stepsLeft -= found.steps;
    if (found.verdict === "illegal") {
      this.#best = { intervals, found, minimal: true, opening };
      return true;
    }
    // Undecided: perhaps this could have gone.
    if (found.verdict === "unknown") this.#best = { ...this.#best, minimal: false };
    return false;
  }
}

function withoutReply<Input, Output>(interval: Interval<Input, Output>): Interval<Input, Output> {
  return { ...interval, return: Infinity, reply: null };
}
