import { expect, test } from "vitest";
import type { KvHistory } from "../chaos/judge.ts";
import { distributionOf, slopeOf } from "./support/distribution.ts";
import { type MemorySample, leastSince } from "./support/memory.ts";
import { waitsIn } from "./support/pauses.ts";

/** Calls of a key from when to when; without an end, one that was never answered. */
function historyOf(...calls: readonly (readonly [number, number?])[]): KvHistory {
  return calls.map(([call, end], client) => {
    const input = { type: "get", key: "k" } as const;
    if (end === undefined) return { client, call, input, outcome: "unknown" };
    return { client, call, input, outcome: "ok", return: end, output: null };
  });
}

function sampleOf(
  atMs: number,
  heapBytes: number,
  externalBytes: number,
  residentBytes: number,
): MemorySample {
  return { atMs, heapBytes, externalBytes, residentBytes };
}

test("percentiles are values that were measured, at least so many percent of them not above", () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect(distributionOf(hundred)).toEqual({ count: 100, p50: 50, p90: 90, p99: 99, max: 100 });
  expect(distributionOf([7])).toEqual({ count: 1, p50: 7, p90: 7, p99: 7, max: 7 });
  expect(distributionOf([1, 2, 1000])).toMatchObject({ p50: 2, p90: 1000, max: 1000 });
  expect(distributionOf([])).toBeNull();
});

test("the slope of a line is that of the line, and that of noise around one is near it", () => {
  const points = [0, 1, 2, 3, 4, 5].map((x) => ({ x, y: 3 * x + 10 }));
  expect(slopeOf(points)).toBeCloseTo(3);
  expect(slopeOf(points.map(({ x, y }, at) => ({ x, y: y + (at % 2 === 0 ? 1 : -1) })))).toBeCloseTo(2.83, 2);
  expect(slopeOf([{ x: 1, y: 5 }])).toBe(0);
  expect(slopeOf([])).toBe(0);
});

test("a silence is between two answers, however many operations are under way meanwhile", () => {
  const history = historyOf([0, 10], [5, 20], [5, 70], [30, 75], [72, 80]);
  expect(waitsIn(history, [{ from: 0, to: 80 }], "overlap")).toMatchObject([{ silence: 50, operation: 65 }]);
});

test("a wait that reaches into a window counts in full where it overlaps, and not where it has to begin", () => {
  const history = historyOf([0, 10], [8, 50], [45, 52], [55, 60]);
  const window = { from: 40, to: 60 };
  expect(waitsIn(history, [window], "overlap")).toMatchObject([{ silence: 40, operation: 42 }]);
  expect(waitsIn(history, [window], "begin")).toMatchObject([{ silence: 8, operation: 7 }]);
});

test("a window at whose end nobody is answered any more is silent to its end", () => {
  const history = historyOf([0, 10], [12]);
  expect(waitsIn(history, [{ from: 5, to: 100 }], "overlap")).toMatchObject([{ silence: 90, operation: 10 }]);
  expect(waitsIn([], [{ from: 5, to: 100 }], "overlap")).toMatchObject([{ silence: 95, operation: 0 }]);
});

test("what comes after a window does not count, except for a wait that began in it", () => {
  const history = historyOf([0, 10], [20, 30], [25, 90], [95, 300]);
  expect(waitsIn(history, [{ from: 0, to: 28 }], "overlap")).toMatchObject([{ silence: 20, operation: 65 }]);
});

test("of memory the least counts, figure by figure, of the samples since a moment", () => {
  const samples = [sampleOf(1, 1, 1, 1), sampleOf(2, 30, 5, 90), sampleOf(3, 20, 7, 95)];
  expect(leastSince(samples, 2)).toEqual(sampleOf(3, 20, 5, 90));
  expect(leastSince(samples, 4)).toBeNull();
});
