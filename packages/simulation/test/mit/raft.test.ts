import { expect, test } from "vitest";
import { rerunCommand } from "./all.ts";
import { RAFT_SCENARIOS } from "./raft/index.ts";
import { drawSeeds } from "./seeds.ts";

const seeds = drawSeeds();

test("all 24 are here, each under a name of its own", () => {
  expect(new Set(RAFT_SCENARIOS.map(({ name }) => name)).size).toBe(24);
});

test.each(RAFT_SCENARIOS)("$name", async ({ name, run }) => {
  for (const seed of seeds) {
    const { simulatedMs } = await run(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${String(cause)}; ${rerunCommand(name, seed)}`, { cause });
    });
    expect(simulatedMs).toBeGreaterThan(0);
  }
});
