import {
  type KvInput,
  type KvOutput,
  type Operation,
  type Verdict,
  checkAppends,
  checkLinearizable,
  kvModel,
  minimise,
  renderPicture,
} from "@eraft/linearizability";
import { APPEND_ONLY } from "./workload/key-group.ts";

export type KvHistory = readonly Operation<KvInput, KvOutput>[];

export interface Judgement {
  /** Of both checks, the worse. `unknown` is no pass: the search gave up. */
  readonly verdict: Verdict;
  readonly problems: readonly string[];
  /** SVG documents by the key that they show. */
  readonly pictures: ReadonlyMap<string, string>;
}

const MAX_SHOWN = 5;

/**
 * Two checkers that share no reasoning: a search for a legal order, for each key, and for the keys that are only appended to the chain of their
 * values, which says of each append whether it is there, once, and in its place.
 */
export function judge(history: KvHistory): Judgement {
  const { verdict, partitions } = checkLinearizable(kvModel, history);
  const bad = partitions.filter((partition) => partition.verdict !== "linearizable");
  const appends = checkAppends(history.filter(({ input }) => input.key.startsWith(APPEND_ONLY)));
  const pictures = new Map<string, string>();
  for (const partition of bad.slice(0, MAX_SHOWN)) {
    const shown = partition.verdict === "illegal" ? minimise(kvModel, partition) : partition;
    pictures.set(partition.key, renderPicture(kvModel, shown));
  }
  const problems = [
    ...bad.map(({ key, verdict, intervals }) => `${key}: ${verdict}, of ${intervals.length} operations`),
    ...appends.problems.map(({ type, message }) => `${type}: ${message}`),
  ];
  return { verdict: appends.verdict === "illegal" ? "illegal" : verdict, problems, pictures };
}
