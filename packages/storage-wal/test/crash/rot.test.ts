import { expect, test } from "vitest";
import { Random } from "./random.ts";
import { damageAll, rotStore } from "./rot.ts";

const seed = Math.floor(Math.random() * 1e9);
const STEP = 64;

test.each([{ closed: true }, { closed: false }])(
  `a bit that flips and a file that is cut are detected in a store of 64 KiB, unless nothing is lost: closed $closed (seed ${seed})`,
  async ({ closed }) => {
    const store = await rotStore(seed, 64 * 1024, closed);
    expect(store.sizeBytes).toBeGreaterThanOrEqual(64 * 1024);
    const counts = new Map<string, number>();
    const random = new Random(seed);
    await damageAll(store, { first: seed % STEP, step: STEP, allBitsOneIn: 8 }, random, counts);
    expect(counts.get("flip, payload: detected")).toBeGreaterThan(500);
    expect(counts.get("flip, snapshot file: detected")).toBeGreaterThan(100);
    expect(counts.get("cut: detected")).toBeGreaterThan(1000);
  },
);
