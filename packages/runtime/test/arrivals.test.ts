import { expect, test } from "vitest";
import { Arrivals } from "../src/arrivals.ts";
import { Dice } from "./support/dice.ts";

test("the oldest is the one that came first of those that are still there", () => {
  const arrivals = new Arrivals();
  expect(arrivals.oldest).toBe(null);
  arrivals.enter(7, 100);
  arrivals.enter(9, 200);
  arrivals.enter(10, 300);
  expect([arrivals.size, arrivals.oldest]).toEqual([3, 100]);
  expect(arrivals.leave(9)).toBe(true);
  expect([arrivals.size, arrivals.oldest]).toEqual([2, 100]);
  expect(arrivals.leave(7)).toBe(true);
  expect([arrivals.size, arrivals.oldest]).toEqual([1, 300]);
  expect(arrivals.leave(10)).toBe(true);
  expect([arrivals.size, arrivals.oldest]).toEqual([0, null]);
});

test("only those leave that are there, and each once", () => {
  const arrivals = new Arrivals();
  arrivals.enter(5, 100);
  for (const id of [4, 6, -1, 5.5]) expect(arrivals.leave(id)).toBe(false);
  expect(arrivals.leave(5)).toBe(true);
  expect(arrivals.leave(5)).toBe(false);
  expect(arrivals.size).toBe(0);
});

test("it is as a Map would be, whatever the order in which they leave, and however many have", () => {
  const dice = new Dice(1);
  const arrivals = new Arrivals();
  const model = new Map<number, number>();
  let id = 0;
  let isSame = true;
  for (let now = 0; now < 50_000; now += 1) {
    // Never empty for long stretches, so that those that have left must be forgotten on the way.
    id += 1 + (dice.roll(10) === 0 ? dice.roll(5) : 0);
    arrivals.enter(id, now);
    model.set(id, now);
    while (model.size > 20 + (now % 100)) {
      const [oldest = 0] = model.keys();
      const leaver = dice.roll(10) < 7 ? oldest : oldest + dice.roll(id - oldest + 1);
      const hasLeft = arrivals.leave(leaver);
      isSame = model.delete(leaver) === hasLeft && isSame;
    }
    const [oldest] = model.values();
    isSame = isSame && arrivals.size === model.size && arrivals.oldest === oldest;
  }
  expect(isSame).toBe(true);
});
