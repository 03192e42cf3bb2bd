import { expect, test } from "vitest";
import { killRounds } from "./support/kill-rounds.ts";

// More rounds, and the figures: pnpm kill-rounds --rounds 200
test("no acknowledged append is lost, repeated or out of order when nodes are killed under load", async () => {
  const report = await killRounds({ rounds: 4, clients: 32 });
  console.log(report);
  expect(report.faults).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(400);
}, 120_000);
