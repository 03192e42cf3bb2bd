import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GOALS } from "../goals.ts";
import { type Plot, plotsOf } from "./plots.ts";
import type { Results } from "./results.ts";
import { markdownTable } from "./table.ts";

const JSON_FILE = "results.json";

/** The results that a directory holds already; null if there are none. */
export function readResults(dir: string): Results | null {
  const path = join(dir, JSON_FILE);
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, "utf8"), revive) as Results;
}

/** What is not a number, because nothing was measured, is null in a file. */
function revive(key: string, value: unknown): unknown {
  return value === null && /^\d+$/.test(key) ? Number.NaN : value;
}

/** Writes table, numbers and plots into `dir`. */
export function writeDocument(dir: string, results: Results): void {
  mkdirSync(dir, { recursive: true });
  const plots = plotsOf(results);
  for (const { name, svg } of plots) writeFileSync(join(dir, `${name}.svg`), svg);
  writeFileSync(join(dir, JSON_FILE), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(dir, "results.md"), documentOf(results, plots));
}

export function documentOf(results: Results, plots: readonly Plot[]): string {
  const rows = results.measured.flatMap((one) => one.rows);
  const withGoal = rows.filter(({ id }) => id in GOALS);
  const others = rows.filter(({ id }) => !(id in GOALS));
  const scales = [...new Set(results.measured.map(({ scale }) => scale))].join(" and ");
  return [
    "# Results",
    "Written by `pnpm bench --out docs/benchmarks`. [README.md](README.md) says what each row means and how it is measured.",
    describe(results),
    `Medians of the rounds; the ratio is the median of the ratios of each round. Scale: ${scales}.`,
    ...(withGoal.length > 0 ? ["## Goals", markdownTable(withGoal)] : []),
    ...(others.length > 0 ? ["## More", markdownTable(others)] : []),
    ...plots.map(({ name, title }) => `![${title}](${name}.svg)`),
    "",
  ].join("\n\n");
}

/** The machine and the versions, in one paragraph. */
export function describe({ machine, versions }: Results): string {
  const { cores, processor, memoryGb, kernel, fdatasyncUs, node } = machine;
  return [
    `${cores} ${cores === 1 ? "core" : "cores"} (${processor}), ${memoryGb} GB of memory, Linux ${kernel},`,
    `${fdatasyncUs} us for an fdatasync of 4 KiB, Node ${node}, eraft ${versions.eraft},`,
    versions.etcd === null ? "no etcd," : `etcd ${versions.etcd},`,
    versions.h2load === null ? "no h2load." : `h2load ${versions.h2load}.`,
  ].join(" ");
}
