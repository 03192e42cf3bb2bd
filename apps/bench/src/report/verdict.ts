import { GOALS } from "../goals.ts";
import type { Row } from "../measurement.ts";
import { median } from "../stats.ts";

/** What a row comes to. */
export interface Verdict {
  readonly eraft: number;
  readonly etcd: number | null;
  /** eraft against etcd: the median of the ratios of each round, in which both were measured right after each other. */
  readonly ratio: number | null;
  /** As it is shown; null where there is none. */
  readonly goal: string | null;
  readonly stretch: string | null;
  /** Null where there is no goal, or nobody to compare with. */
  readonly isMet: boolean | null;
}

export function verdictOf(row: Row): Verdict {
  const { etcd } = row;
  const ratio =
    etcd === null ? null : median(row.eraft.map((value, round) => value / (etcd[round] ?? Number.NaN)));
  const eraft = median(row.eraft);
  const goal = GOALS[row.id] ?? null;
  const common = { eraft, etcd: etcd === null ? null : median(etcd), ratio };
  if (goal === null) return { ...common, goal: null, stretch: null, isMet: null };
  const value = goal.of === "ratio" ? ratio : eraft;
  const reaches = (wanted: number): boolean | null =>
    value === null ? null : row.better === "more" ? value >= wanted : value <= wanted;
  const show = (wanted: number): string => (goal.of === "ratio" ? `${wanted}x` : amount(wanted, row.unit));
  return { ...common, goal: show(goal.goal), stretch: show(goal.stretch), isMet: reaches(goal.goal) };
}

/** A number with its unit, with as many digits as mean something. */
export function amount(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "none";
  if (unit === "x") return `${value.toFixed(2)}x`;
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toLocaleString("en-US", { maximumFractionDigits: digits });
  return unit.startsWith("/") ? `${text}${unit}` : `${text} ${unit}`;
}

export function ratioText(ratio: number | null): string {
  return ratio === null || !Number.isFinite(ratio) ? "" : `${ratio.toFixed(2)}x`;
}
