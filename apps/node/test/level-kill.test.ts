import { expect, test } from "vitest";
import { killRounds } from "./support/kill-rounds.ts";

test("no acknowledged append is lost, repeated or out of order when nodes on LevelDB are killed under load", async () => {
  const report = await killRounds({ rounds: 1, clients: 16, flags: ["--storage", "level"] });
  console.log(report);
  expect(report.faults).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(100);
}, 120_000);
