import { expect, test } from "vitest";
import { failover } from "./failover/failover.ts";

// With the product's timers, a hundred kills and the figures: pnpm failover
test("after kill -9 of the leader somebody else serves, and nothing acknowledged is lost", async () => {
  const { failovers, load, problems } = await failover({
    kills: 3,
    clients: 8,
    maxThinkMs: 10,
    maxRestMs: 50,
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400"],
    say: () => {},
  });
  expect(problems).toEqual([]);
  expect(load).toMatchObject({ verdict: "linearizable", unanswered: 0 });
  expect(failovers).toHaveLength(3);
  for (const { repairMs, elections } of failovers) {
    expect(repairMs).toBeGreaterThan(0);
    // Nobody else led before: what was measured is the repair, and not a write that the killed leader had still answered.
    expect(elections).toBeGreaterThanOrEqual(1);
  }
}, 120_000);
