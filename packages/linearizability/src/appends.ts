import { type Chain, readChain } from "./append-chain.ts";
import type { AppendInterval, AppendProblem, AppendProblemType } from "./append-problems.ts";
import { HistoryError, type Operation, validateHistory } from "./history.ts";
import type { KvInput, KvOutput } from "./models/kv.ts";
import { findInversions } from "./real-time.ts";

export interface AppendReport {
  readonly verdict: "linearizable" | "illegal";
  readonly problems: readonly AppendProblem[];
}

type KvOperation = Operation<KvInput, KvOutput>;

/**
 * Checks a history of gets and appends only, in which no text is appended twice to a key. Then a get shows by itself what came
 * before it in which order, and nothing need be searched: all gets of a key must be beginnings of the longest one, every
 * acknowledged append is in it exactly once or after it, and the order must agree with real time.
 *
 * Decides the same question as `checkLinearizable` with `kvModel`, for any size and concurrency, in O(n log n) for n operations
 * and the text that they read. Null and the empty text count as the same answer.
 *
 * @throws HistoryError if the history was recorded wrongly, has a put, or appends texts that cannot be told apart: none may be
 *   empty, nor be the beginning of another one of its key. A separator at the end that occurs nowhere else takes care of that.
 */
export function checkAppends(history: readonly KvOperation[]): AppendReport {
  validateHistory(history);
  const problems: AppendProblem[] = [];
  for (const [key, intervals] of collect(history)) checkKey(key, intervals, problems);
  return { verdict: problems.length === 0 ? "linearizable" : "illegal", problems };
}

function collect(history: readonly KvOperation[]): Map<string, AppendInterval[]> {
  const keys = new Map<string, AppendInterval[]>();
  for (const [index, operation] of history.entries()) {
    const { client, call, input, outcome } = operation;
    if (input.type === "put")
      throw new HistoryError("badInput", index, "a put: only get and append can be judged");
    if (input.type === "append" && input.value === "")
      throw new HistoryError("badInput", index, "appends nothing");
    if (input.type === "get" && outcome !== "ok") continue;
    const reply = outcome === "ok" ? { output: operation.output } : null;
    const returned = outcome === "ok" ? operation.return : Infinity;
    const interval = { index, client, call, return: returned, input, reply, failed: outcome === "failed" };
    const part = keys.get(input.key);
    if (part === undefined) keys.set(input.key, [interval]);
    else part.push(interval);
  }
  return keys;
}

function checkKey(key: string, intervals: readonly AppendInterval[], problems: AppendProblem[]): void {
  const chain = readChain(key, intervals, problems);
  const placed: AppendInterval[] = [];
  const positions: number[] = [];
  for (const interval of intervals) {
    const position = positionOf(interval, chain);
    if (position === null) continue;
    placed.push(interval);
    positions.push(position);
  }
  const inversions = findInversions(
    Float64Array.from(placed, ({ call }) => call),
    Float64Array.from(placed, (interval) => interval.return),
    Float64Array.from(positions),
  );
  for (const { first, second } of inversions) {
    problems.push(describeInversion(key, placed[first]!, placed[second]!, chain));
  }
}

/**
 * Twice the number of appends up to and with this one; one more for a get, which comes after them and before the next. Appends
 * that no get has come after everything, in any order. Null for what has no place: never happened, or wrong by itself.
 */
function positionOf({ input, reply, failed, index }: AppendInterval, chain: Chain): number | null {
  if (input.type === "get") {
    const count = chain.countOfGet.get(index);
    return count === undefined ? null : 2 * count + 1;
  }
  if (failed) return null;
  const ordinal = input.type === "append" ? chain.ordinalOf.get(input.value) : undefined;
  if (ordinal !== undefined) return 2 * ordinal;
  return reply === null ? null : Infinity;
}

function describeInversion(
  key: string,
  first: AppendInterval,
  second: AppendInterval,
  chain: Chain,
): AppendProblem {
  const named = (type: AppendProblemType, what: string): AppendProblem => {
    const message = `operation ${second.index} on ${JSON.stringify(key)} ${what} operation ${first.index}`;
    return { type, key, index: second.index, other: first.index, message };
  };
  if (first.input.type === "append") {
    const seen = chain.ordinalOf.has(first.input.value);
    if (second.input.type === "append") {
      if (!seen) return named("lost", "is in gets that lack what had been acknowledged before its call to");
      return named("reordered", "was called after the return of, but stands before,");
    }
    return named(seen ? "stale" : "lost", "lacks what had been acknowledged before its call to");
  }
  if (second.input.type === "get")
    return named("nonMonotonic", "lacks what had been read before its call by");
  return named("premature", "was called after its text had been read by");
}
