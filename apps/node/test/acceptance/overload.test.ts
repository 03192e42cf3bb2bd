import { expect, test } from "vitest";
import type { OfferedPut } from "./support/offered-load.ts";
import { overload, recoveryOf } from "./overload/overload.ts";

function put(dueMs: number, tookMs: number, isAcknowledged = true): OfferedPut {
  return { dueMs, endMs: dueMs + tookMs, isAcknowledged };
}

// Ten seconds of each rate, and what should come of it: pnpm overload
test("offered more than a cluster can do, it goes on to serve, nobody stands for election, and the figures add up", async () => {
  const { phases, after, elections, problems } = await overload({
    factors: [0.5, 3],
    phaseMs: 1500,
    clients: 4,
    deadlineMs: 2000,
    valueBytes: 32_768,
    nodesOn: null,
    // More than any machine does of such values, in the second of the two.
    capacity: 400,
    // An election has to have another reason than a machine that is busy for a second.
    flags: ["--election-timeout-ms", "5000"],
    say: () => {},
  });
  expect(problems).toEqual([]);
  expect(elections).toBe(0);
  expect(phases.map(({ factor, offeredPerSecond }) => [factor, offeredPerSecond])).toEqual([
    [0.5, 200],
    [3, 1200],
  ]);
  expect([...phases, after].reduce((sum, { acknowledged }) => sum + acknowledged, 0)).toBeGreaterThan(0);
  for (const { offered, acknowledged, latencies } of [...phases, after]) {
    expect(acknowledged).toBeLessThanOrEqual(offered);
    expect(latencies).toHaveLength(acknowledged);
  }
}, 120_000);

test("it is over when the last put that is late becomes due, and not known to be if that is at the end", () => {
  const calm = [put(1000, 10), put(2000, 250), put(3000, 10), put(10_900, 20)];
  expect(recoveryOf(calm, 1000, 10_000)).toBe(0);
  expect(recoveryOf([...calm, put(1700, 251)], 1000, 10_000)).toBe(700);
  expect(recoveryOf([...calm, put(2800, 1, false)], 1000, 10_000)).toBe(1800);
  expect(recoveryOf([...calm, put(10_600, 251)], 1000, 10_000)).toBeNull();
});
