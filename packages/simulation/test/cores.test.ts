import { drawPlan, minimise, replay, run, type Step } from "@eraft/simulation";
import { expect, test } from "vitest";

const SEEDS = Array.from({ length: 200 }, (_, at) => at + 1);

test("200 fixed seeds break nothing, converge, and meet every rare situation", () => {
  const met = new Map<string, number>();
  for (const seed of SEEDS) {
    const { coverage } = run({ seed, events: 3000 });
    for (const [situation, times] of coverage.counts()) met.set(situation, (met.get(situation) ?? 0) + times);
  }
  expect([...met].filter(([, times]) => times === 0)).toEqual([]);
});

test("fresh seeds break nothing and converge", () => {
  const first = Math.floor(Math.random() * 1e9);
  for (let seed = first; seed < first + 40; seed += 1) {
    expect(
      () => run({ seed, events: 3000 }),
      `seed ${seed}: pnpm simulate --replay ${seed} --steps 3000`,
    ).not.toThrow();
  }
});

test("the same seed goes the same way twice, and another seed another", () => {
  const hashes = [7, 7, 8].map((seed) => run({ seed, events: 3000 }).traceHash);
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});

test("a recorded run replays, action by action, without its seed", () => {
  const steps: Step[] = [];
  run({ seed: 11, events: 2000, record: (step) => steps.push(step) });
  expect(steps.length).toBeGreaterThan(1000);
  expect(replay(drawPlan(11), steps)).toBeNull();
});

test("minimising keeps what makes it fail, and nothing else", () => {
  const items = Array.from({ length: 500 }, (_, at) => at);
  const needed = [17, 230, 231, 499];
  const fails = (some: readonly number[]): boolean => needed.every((item) => some.includes(item));
  expect(minimise(items, fails, 10_000)).toEqual(needed);
});
