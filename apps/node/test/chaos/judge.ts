import {
  type AppendReport,
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
  const { partitions } = checkLinearizable(kvModel, history);
  const appends = checkAppends(history.filter(({ input }) => input.key.startsWith(APPEND_ONLY)));
  const bad = partitions.filter((partition) => !isLegal(partition, appends));
  const pictures = new Map<string, string>();
  for (const partition of bad.slice(0, MAX_SHOWN)) {
    const shown = partition.verdict === "illegal" ? minimise(kvModel, partition) : partition;
    pictures.set(partition.key, renderPicture(kvModel, shown));
  }
  const problems = [
    ...bad.map(({ key, verdict, intervals }) => `${key}: ${verdict}, of ${intervals.length} operations`),
    ...appends.problems.map(({ type, message }) => `${type}: ${message}`),
  ];
  const verdicts = [appends.verdict, ...bad.map(({ verdict }) => verdict)];
  const verdict = verdicts.includes("illegal") ? "illegal" : (verdicts[1] ?? "linearizable");
  return { verdict, problems, pictures };
}

/** Where the search has reached its limits, the check of appends decides: on its keys it asks the same question, and needs no search. */
function isLegal(
  { key, verdict }: { readonly key: string; readonly verdict: Verdict },
  appends: AppendReport,
): boolean {
  if (verdict !== "unknown" || !key.startsWith(APPEND_ONLY)) return verdict === "linearizable";
  return !appends.problems.some((problem) => problem.key === key);
}
