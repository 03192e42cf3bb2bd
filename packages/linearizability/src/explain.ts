import type { PartitionReport } from "./check.ts";
import type { Interval } from "./history.ts";
import type { Model } from "./model.ts";

/** Why the longest order ends where it does. */
export interface Explanation {
  /** Plain sentences; operations that have a place in the longest order are named by it, from 1. */
  readonly sentences: readonly string[];
  /**
   * Position in the intervals of an operation that stands between the blocked one and a place where it would fit, and that had
   * returned before the blocked one was called. Null if there is no such pair.
   */
  readonly conflict: number | null;
}

/**
 * Says in words what a partition that is not linearizable shows: the operation that cannot be placed, what it would have to answer,
 * where its answer would have been right, and why it cannot be moved there.
 *
 * @throws RangeError for a report that shows nothing wrong
 */
export function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  report: PartitionReport<State, Input, Output>,
): Explanation {
  const { intervals, order, blocked, start, state } = report;
  const misfit = blocked === null ? undefined : intervals[blocked];
  if (misfit === undefined) throw new RangeError(`there is nothing to explain: ${report.verdict}`);
  const asked = model.describeInput(misfit.input);
  const sentences = [
    `Client ${misfit.client} called ${asked} and was answered ${describeReply(model, misfit)}.`,
  ];
  if (!model.equals(start, model.init())) {
    sentences.unshift(
      `At first the state is ${model.describeState(start)}, as a client read it. What came before is not shown; what was open then counts as unknown.`,
    );
  }
  const expected = model.describeOutput(misfit.input, model.step(state, misfit.input).output);
  const after =
    order.length === 0
      ? "With nothing before it,"
      : `After ${span(order.length)}, the longest order that can be explained,`;
  sentences.push(
    `${after} the state is ${model.describeState(state)} and the answer would have to be ${expected}.`,
  );

  const place = lastFit(model, intervals, order, misfit, start);
  const between = place === null ? [] : order.slice(place);
  const conflict = between.find((other) => intervals[other]!.return < misfit.call) ?? null;
  if (place === null) {
    sentences.push("At no place in that order would its answer be right.");
  } else if (conflict === null) {
    sentences.push(`${fits(place)}, but then what follows could not be explained.`);
  } else {
    const other = intervals[conflict]!;
    const name = `${model.describeInput(other.input)} of client ${other.client} (${order.indexOf(conflict) + 1})`;
    sentences.push(
      `${fits(place)}, but ${name} had returned before ${asked} was called, so it has to come first.`,
    );
  }
  sentences.push(
    report.verdict === "illegal"
      ? `No order of these ${intervals.length} operations that respects real time explains every answer.`
      : "The limits of the search were reached: another order may explain every answer, or none.",
  );
  return { sentences, conflict };
}

/** An operation's answer in words. */
export function describeReply<State, Input, Output>(
  model: Model<State, Input, Output>,
  { input, reply }: Interval<Input, Output>,
): string {
  return reply === null ? "unknown" : model.describeOutput(input, reply.output);
}

function span(length: number): string {
  if (length <= 2) return length === 1 ? "1" : "1 and 2";
  return `1 to ${length}`;
}

function fits(place: number): string {
  return place === 0 ? "It would fit before 1" : `It would fit right after ${place}`;
}

/** After how many operations of the order, at most, the answer of `misfit` would be right; null if nowhere. */
function lastFit<State, Input, Output>(
  model: Model<State, Input, Output>,
  intervals: readonly Interval<Input, Output>[],
  order: readonly number[],
  misfit: Interval<Input, Output>,
  start: State,
): number | null {
  const { input, reply } = misfit;
  let state = start;
  if (reply === null) return null;
  let last: number | null = null;
  for (const [place, next] of order.entries()) {
    if (model.matches(model.step(state, input).output, reply.output)) last = place;
    state = model.step(state, intervals[next]!.input).state;
  }
  return last;
}
