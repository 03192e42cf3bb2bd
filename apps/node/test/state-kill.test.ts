import { expect, test } from "vitest";
import { killRounds } from "./support/kill-rounds.ts";

// In full: pnpm kill-rounds --rounds 200 --state level
test("each acknowledged append is there once, and the states on all disks are equal, when nodes with a state of their own are killed", async () => {
  const flags = ["--state", "level", "--heartbeat-ms", "50", "--election-timeout-ms", "400"];
  const report = await killRounds({ rounds: 2, clients: 16, allAtOnceEvery: 2, flags });
  console.log(report);
  expect(report.faults).toEqual([]);
  expect(report.equalRounds).toBe(2);
  expect(report.allKills).toBe(1);
  expect(report.stateDigest).toMatch(/^[0-9a-f]{64}$/);
  expect(report.acknowledged).toBeGreaterThan(200);
}, 120_000);
