import { expect, test } from "vitest";
import { RandomWalk } from "./harness/random-walk.ts";

const STEPS = 8_000;
const SEEDS = 300;

/** Runs only this one: `SEED=17 pnpm exec vitest run packages/core/test/random.test.ts`. */
const only = process.env["SEED"];
const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, seed) => seed) : [Number(only)];

test(`${seeds.length} random runs keep every invariant and recover`, () => {
  for (const seed of seeds) {
    try {
      const walk = new RandomWalk(seed);
      walk.wander(STEPS);
      walk.recover();
    } catch (error) {
      const rerun = `SEED=${seed} pnpm exec vitest run packages/core/test/random.test.ts`;
      throw new Error(`seed ${seed}: ${String(error)}\nRun only this one: ${rerun}`, { cause: error });
    }
  }
  expect(seeds.length).toBeGreaterThan(0);
});
