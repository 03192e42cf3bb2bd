import type { Row } from "../measurement.ts";
import { amount, ratioText, verdictOf } from "./verdict.ts";

const TITLES = ["what", "goal", "stretch", "eraft", "etcd", "ratio", ""];

/** The cells of one line: with the column of the goal first, then what was measured. */
export function cellsOf(row: Row): string[] {
  const { eraft, etcd, ratio, goal, stretch, isMet } = verdictOf(row);
  const verdict = isMet === null ? "" : isMet ? "met" : "not met";
  return [
    row.what,
    goal ?? "",
    stretch ?? "",
    amount(eraft, row.unit),
    etcd === null ? "" : amount(etcd, row.unit),
    ratioText(ratio),
    verdict,
  ];
}

/** For a terminal. */
export function textTable(rows: readonly Row[]): string {
  const lines = [TITLES, ...rows.map(cellsOf)];
  const widths = TITLES.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  return lines
    .map((cells) =>
      cells
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** For a document. */
export function markdownTable(rows: readonly Row[]): string {
  const hasGoals = rows.some((row) => verdictOf(row).goal !== null);
  const shown = (cells: readonly string[]): readonly string[] =>
    hasGoals ? cells : cells.filter((_, at) => ![1, 2, 6].includes(at));
  const titles = shown(TITLES);
  const rule = titles.map((_, at) => (at === 0 ? "---" : "---:"));
  return [titles, rule, ...rows.map((row) => shown(cellsOf(row)))]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
