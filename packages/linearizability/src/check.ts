import { type Interval, type Operation, toIntervals } from "./history.ts";
import type { Model } from "./model.ts";
import { partitionIntervals } from "./partition.ts";
import { type SearchLimits, type SearchResult, searchLinearization, type Verdict } from "./wgl.ts";

/** Some seconds, and a few hundred megabytes at most. */
export const DEFAULT_LIMITS: SearchLimits = { maxSteps: 50_000_000, maxConfigurations: 1_000_000 };

export interface CheckOptions {
  /** For each partition on its own, so that a hard one takes nothing from the others. */
  readonly limits?: Partial<SearchLimits>;
}

/** What was found out about one object. */
export interface PartitionReport<State, Input, Output> extends SearchResult<State> {
  /** What the model's `partition` calls it; empty if the model has none. */
  readonly key: string;
  /** Its part of the history; `order` and `blocked` are positions in here. */
  readonly intervals: readonly Interval<Input, Output>[];
}

export interface CheckReport<State, Input, Output> {
  /**
   * `illegal` if any partition is, else `unknown` if any is, else `linearizable`. There is deliberately no boolean beside it:
   * an undecided history has not passed.
   */
  readonly verdict: Verdict;
  /** In order of first appearance in the history. */
  readonly partitions: readonly PartitionReport<State, Input, Output>[];
}

/**
 * Is there an order of the operations, each taking effect at one moment between its call and its return, in which every reply is
 * what `model` answers? (Herlihy and Wing, "Linearizability", 1990.)
 *
 * The problem is NP-complete, so the search has limits. It is quick while few operations of one partition are open at a time; an
 * unknown outcome stays open for ever. If the verdict is `unknown`, record fewer clients per key, or more keys.
 *
 * @throws HistoryError if the history was recorded wrongly, RangeError for limits that are not positive integers
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  options: CheckOptions = {},
): CheckReport<State, Input, Output> {
  const limits = resolveLimits(options.limits);
  const intervals = toIntervals(history, (input) => model.isRead(input));
  const partitions: PartitionReport<State, Input, Output>[] = [];
  for (const [key, part] of partitionIntervals(model, intervals)) {
    partitions.push({ key, intervals: part, ...searchLinearization(model, part, model.init(), limits) });
  }
  return { verdict: worst(partitions.map(({ verdict }) => verdict)), partitions };
}

/** A history that did not pass. */
export class NotLinearizableError extends Error {
  override readonly name = "NotLinearizableError";
  readonly verdict: Exclude<Verdict, "linearizable">;
  /** The partitions that did not pass. */
  readonly keys: readonly string[];

  constructor(verdict: Exclude<Verdict, "linearizable">, keys: readonly string[], message: string) {
    super(message);
    this.verdict = verdict;
    this.keys = keys;
  }
}

/**
 * Does nothing if the history is linearizable.
 *
 * @throws NotLinearizableError if it is not, and also if that is unknown
 */
export function assertLinearizable<State, Input, Output>(report: CheckReport<State, Input, Output>): void {
  if (report.verdict === "linearizable") return;
  const { verdict } = report;
  const bad = report.partitions.filter((partition) => partition.verdict === verdict);
  const keys = bad.map(({ key }) => key);
  const names = keys.map((key) => JSON.stringify(key)).join(", ");
  const message =
    verdict === "illegal"
      ? `the history is not linearizable in ${names}`
      : `the limits were reached before it was decided whether the history is linearizable in ${names}`;
  throw new NotLinearizableError(verdict, keys, message);
}

/** @throws RangeError for a limit that is not a positive safe integer */
export function resolveLimits(limits: Partial<SearchLimits> = {}): SearchLimits {
  const resolved = { ...DEFAULT_LIMITS, ...limits };
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`limits.${name} must be a positive integer, not ${value}`);
    }
  }
  return resolved;
}

function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("illegal")) return "illegal";
  return verdicts.includes("unknown") ? "unknown" : "linearizable";
}
