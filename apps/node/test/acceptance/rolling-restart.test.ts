import { expect, test } from "vitest";
import { rollingRestart } from "./rolling-restart/rolling-restart.ts";

// With the product's timers, more rounds and the figures: pnpm rolling-restart
test("every node is restarted under load, and clients notice nothing but a pause", async () => {
  const said: string[] = [];
  const { restarts, rests, load, problems } = await rollingRestart({
    rounds: 1,
    clients: 8,
    maxThinkMs: 10,
    restMs: 0,
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400"],
    say: (line) => said.push(line),
  });
  expect(problems).toEqual([]);
  expect(load).toMatchObject({ verdict: "linearizable", unanswered: 0 });
  // Whoever leads is restarted like everybody else.
  expect(restarts.map(({ node }) => node)).toEqual([0, 1, 2]);
  expect(restarts.filter(({ wasLeader }) => wasLeader).length).toBeGreaterThanOrEqual(1);
  for (const { silence, operation } of restarts) {
    expect(silence).toBeGreaterThan(0);
    expect(operation).toBeGreaterThan(0);
  }
  expect(rests).toHaveLength(3);
  expect(said).toHaveLength(2);
}, 120_000);
