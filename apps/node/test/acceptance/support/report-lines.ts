import { formatTable } from "../../../src/format/table.ts";
import { type Distribution, distributionOf } from "./distribution.ts";
import type { LoadReport } from "./recorded-load.ts";

/** A table of distributions, a named row for each list of values that is not empty. */
export function distributionTable(
  title: string,
  rows: Readonly<Record<string, readonly number[]>>,
  format: (value: number) => string = (value) => value.toFixed(0),
): readonly string[] {
  const cells = Object.entries(rows).flatMap(([name, values]) => {
    const distribution = distributionOf(values);
    return distribution === null ? [] : [[name, ...cellsOf(distribution, format)]];
  });
  const numbers = ["count", "p50", "p90", "p99", "max"].map((title) => ({ title, align: "right" as const }));
  return formatTable([{ title, align: "left" }, ...numbers], cells)
    .trimEnd()
    .split("\n");
}

function cellsOf({ count, p50, p90, p99, max }: Distribution, format: (value: number) => string): string[] {
  return [String(count), ...[p50, p90, p99, max].map(format)];
}

/** What became of the load, in lines. */
export function loadLines(load: LoadReport): readonly string[] {
  const answers = [...load.answers].map(([answer, count]) => `${answer} ${count}`).join(", ");
  return [
    `${load.clients} clients, ${load.keys} keys: ${load.acknowledged} operations acknowledged, ${load.unanswered} failed`,
    `attempts made again as documented: ${load.retried}; all attempts: ${answers}`,
    `history: ${load.verdict}`,
  ];
}
