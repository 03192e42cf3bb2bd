import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type Arguments, UsageError, parseArguments } from "../src/args.ts";
import { resultOf } from "../src/load/h2load.ts";
import type { Row } from "../src/measurement.ts";
import { MEASUREMENTS } from "../src/measurements/index.ts";
import { ProgressLine } from "../src/progress.ts";
import { readResults, writeDocument } from "../src/report/document.ts";
import { type Results, merge } from "../src/report/results.ts";
import { powersAround } from "../src/report/svg.ts";
import { textTable } from "../src/report/table.ts";
import { verdictOf } from "../src/report/verdict.ts";
import { median, quantile } from "../src/stats.ts";

const puts: Row = {
  id: "puts",
  what: "puts, 8 x 64",
  unit: "/s",
  better: "more",
  eraft: [300, 100, 200],
  etcd: [100, 100, 100],
};
const machine = { cores: 2, processor: "P", memoryGb: 8, kernel: "6", fdatasyncUs: 30, node: "26" };
const versions = { eraft: "0.1.0", etcd: "3.4.23", h2load: "1.52.0" };

function results(name: string, rows: readonly Row[], changed: Partial<Results> = {}): Results {
  return { machine, versions, measured: [{ name, scale: "normal", rows }], ...changed };
}

test("the ratio is the median of the rounds' own ratios, and not the ratio of the medians", () => {
  const row = { ...puts, eraft: [100, 210, 330], etcd: [100, 100, 300] };
  expect(verdictOf(row)).toMatchObject({ eraft: 210, etcd: 100, ratio: 1.1, isMet: false });
});

test("a goal is met by more of what should be more, and by less of what should be less", () => {
  expect(verdictOf(puts)).toMatchObject({ ratio: 2, goal: "1.2x", stretch: "2x", isMet: true });
  const slow = { ...puts, id: "failover", better: "less", unit: "ms" } as const;
  expect(verdictOf(slow)).toMatchObject({ ratio: 2, goal: "0.3x", isMet: false });
  expect(verdictOf({ ...slow, eraft: [20, 10, 30] }).isMet).toBe(true);
  expect(verdictOf({ ...puts, etcd: null }).isMet).toBeNull();
  expect(verdictOf({ ...puts, id: "embedded", etcd: null }).isMet).toBe(false);
  expect(verdictOf({ ...puts, id: "no-goal" })).toMatchObject({ goal: null, isMet: null });
});

test("a table says what was measured, what it comes to, and whether that is enough", () => {
  expect(textTable([puts])).toMatch(/puts, 8 x 64 +1\.2x +2x +200\/s +100\/s +2\.00x +met$/);
  // A load that a server could not stand.
  expect(textTable([{ ...puts, unit: "ms", eraft: [Number.NaN] }])).toMatch(/none +100 ms/);
});

test("quantiles lie between the numbers they are of", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([3, 1, 2], 1)).toBe(3);
  expect(quantile([], 0.5)).toBeNaN();
});

test("what is measured again replaces what was there; numbers of another place are dropped", () => {
  const before = results("reads", [{ ...puts, id: "reads" }]);
  const order = ["puts", "reads"];
  const merged = merge(before, results("puts", [puts]), order);
  expect(merged.measured.map(({ name }) => name)).toEqual(order);
  const again = merge(merged, results("puts", [{ ...puts, eraft: [1] }]), order);
  expect(again.measured.flatMap(({ rows }) => rows.map(({ eraft }) => eraft[0]))).toEqual([1, 300]);
  const slower = results("puts", [puts], { machine: { ...machine, fdatasyncUs: 90 } });
  expect(merge(before, slower, order).measured).toHaveLength(2);
  const elsewhere = results("puts", [puts], { machine: { ...machine, cores: 4 } });
  expect(merge(before, elsewhere, order).measured.map(({ name }) => name)).toEqual(["puts"]);
});

test("table, numbers and plots are written, and read again", () => {
  const dir = mkdtempSync(join(tmpdir(), "eraft-bench-report-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  expect(readResults(dir)).toBeNull();
  const values = [16, 1024].map((bytes) => ({
    ...puts,
    id: `puts-of-${bytes}-bytes`,
    what: `puts of ${bytes} B`,
    eraft: [Number.NaN],
  }));
  const written = results("puts", [puts, ...values]);
  writeDocument(dir, written);
  expect(readResults(dir)).toEqual(written);
  const document = readFileSync(join(dir, "results.md"), "utf8");
  expect(document).toContain("| puts, 8 x 64 | 1.2x | 2x | 200/s | 100/s | 2.00x | met |");
  expect(document).toContain("(throughput.svg)");
  const svg = readFileSync(join(dir, "throughput.svg"), "utf8");
  expect(svg).toMatch(/^<svg [^]*200\/s[^]*<\/svg>\n$/);
  expect(readFileSync(join(dir, "value-sizes.svg"), "utf8")).not.toContain("NaN");
});

test("an axis ends at powers of ten that enclose all", () => {
  expect(powersAround(15, 900)).toEqual([10, 100, 1000]);
  expect(powersAround(10, 10)).toEqual([10, 100]);
});

/** What h2load prints after 3,000 requests, of which so many were answered. */
function printed(answered: number): string {
  return `finished in 1.50s, 2000.00 req/s, 1.0MB/s
requests: 3000 total, 3000 started, 3000 done, ${answered} succeeded, ${3000 - answered} failed, 0 errored, 0 timeout
status codes: ${answered} 2xx, 0 3xx, 0 4xx, ${3000 - answered} 5xx
traffic: 1MB (1000000) total, 10KB (10000) headers (space savings 90%), 26.37KB (27000) data`;
}

test("a run of h2load in which not everything was answered is none", () => {
  expect(resultOf(printed(3000), 3000)).toEqual({ perSecond: 2000, answerBytes: 27_000 });
  expect(() => resultOf(printed(2999), 3000)).toThrow("not all 3000 requests were answered");
  expect(() => resultOf("h2load: could not connect", 3000)).toThrow("could not connect");
});

function parse(...args: string[]): Arguments {
  return parseArguments(args, MEASUREMENTS);
}

test("arguments name measurements that there are, and rounds that can be", () => {
  expect(parse().measurements).toEqual(MEASUREMENTS);
  expect(parse().scale).toMatchObject({ name: "normal", rounds: 5 });
  // In the order in which they are shown, not that in which they were named.
  expect(parse("core", "puts", "--rounds", "2").measurements.map(({ name }) => name)).toEqual([
    "puts",
    "core",
  ]);
  expect(parse("--full", "--rounds", "2").scale).toMatchObject({ name: "full", rounds: 2 });
  for (const [wrong, ...args] of [
    ["no such measurement; there are puts", "putz"],
    ["must be a whole number from 1 to 100", "--rounds", "0"],
    ["exclude each other", "--full", "--smoke"],
    ["Unknown option '--fast'", "--fast"],
  ] as const) {
    expect(() => parse(...args), wrong).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(wrong);
  }
});

/** What three steps and a result look like. */
function written(isTTY: boolean): string {
  let text = "";
  const line = new ProgressLine({ isTTY, write: (more) => (text += more) });
  const progress = line.measurement("puts", 1, 4);
  progress.at(0, "round 1");
  progress.at(0.5, "round 1");
  progress.at(0.5, "round 2");
  line.print("result");
  line.end();
  return text;
}

test("with a terminal there is one line that is drawn over; without one, a line whenever something else begins", () => {
  expect(written(false)).toBe("puts: round 1\nputs: round 2\nresult\n");
  const live = written(true);
  expect(stripVTControlCharacters(live)).toContain("2/4 puts  round 2  0 s");
  // Drawn over before the result, and gone at the end.
  expect(live).toContain("\r\u001B[2Kresult\n");
  expect(live.endsWith("\r\u001B[2K")).toBe(true);
  expect(live.split("\n")).toHaveLength(2);
});
