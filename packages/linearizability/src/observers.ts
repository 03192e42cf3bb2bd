import type { Interval } from "./history.ts";
import type { Model } from "./model.ts";

/**
 * For each operation with an unknown outcome, the latest return of those that may depend on it: Infinity if one of these is itself
 * unknown, or the model cannot tell; -Infinity if there is none. Infinity for every known outcome.
 */
export function findLastObserved<State, Input, Output>(
  model: Model<State, Input, Output>,
  intervals: readonly Interval<Input, Output>[],
): Float64Array {
  const lastObserved = new Float64Array(intervals.length).fill(Infinity);
  if (model.mayDependOn === undefined || intervals.every(({ reply }) => reply !== null)) return lastObserved;
  const latestFirst = intervals.toSorted((a, b) => (a.return === b.return ? 0 : b.return - a.return));
  for (const [i, interval] of intervals.entries()) {
    if (interval.reply !== null) continue;
    const observer = latestFirst.find(
      (other) => other !== interval && model.mayDependOn!(other, interval.input),
    );
    lastObserved[i] = observer?.return ?? -Infinity;
  }
  return lastObserved;
}

/** Whether some other one of `intervals` may depend on `interval`, so that it cannot be left out without changing the question. */
export function isObserved<State, Input, Output>(
  model: Model<State, Input, Output>,
  interval: Interval<Input, Output>,
  intervals: readonly Interval<Input, Output>[],
): boolean {
  if (model.isRead(interval.input)) return false;
  if (model.mayDependOn === undefined) return true;
  return intervals.some((other) => other !== interval && model.mayDependOn!(other, interval.input));
}
