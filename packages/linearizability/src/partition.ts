import type { Interval } from "./history.ts";
import type { Model } from "./model.ts";

/** The name of the only partition of a model that has none. */
export const WHOLE = "";

/**
 * The part of a history for each object, in order of first appearance. Each part keeps the order of the history.
 *
 * Linearizability is a local property: a history has a linearization exactly if each of these has.
 */
export function partitionIntervals<State, Input, Output>(
  model: Model<State, Input, Output>,
  intervals: readonly Interval<Input, Output>[],
): Map<string, Interval<Input, Output>[]> {
  const partitions = new Map<string, Interval<Input, Output>[]>();
  for (const interval of intervals) {
    const key = model.partition?.(interval.input) ?? WHOLE;
    const part = partitions.get(key);
    if (part === undefined) partitions.set(key, [interval]);
    else part.push(interval);
  }
  return partitions;
}
