import { expect, test } from "vitest";
import { Random } from "../src/random.ts";

function draws(seed: number, count: number, min: number, max: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.integer(min, max));
}

function same(one: readonly number[], other: readonly number[]): number {
  return one.filter((value, at) => value === other[at]).length;
}

test("every value of the range comes, the upper bound and what lies outside never", () => {
  const drawn = new Set(draws(1, 2000, 10, 20));
  expect([...drawn].toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test("all values come about equally often", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const value of draws(42, 100_000, 0, 10)) counts[value] = (counts[value] ?? 0) + 1;
  // The standard deviation is 95.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test("a seed fixes the whole sequence", () => {
  expect(draws(7, 100, 0, 1_000_000)).toEqual(draws(7, 100, 0, 1_000_000));
});

test("seeds next to each other, and those that differ only above 32 bits, draw differently from the first time on", () => {
  const seeds = [
    0,
    1,
    2,
    3,
    -1,
    -2,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ];
  const firsts = seeds.map((seed) => draws(seed, 1, 0, 2 ** 31)[0]);
  expect(new Set(firsts).size).toBe(seeds.length);
});

test("the servers of a cluster with seeds 0, 1, 2 rarely draw the same timeout", () => {
  const [first, second, third] = [draws(0, 3000, 0, 10), draws(1, 3000, 0, 10), draws(2, 3000, 0, 10)];
  // One in ten by chance.
  for (const equal of [same(first, second), same(second, third), same(first, third)]) {
    expect(equal).toBeGreaterThan(200);
    expect(equal).toBeLessThan(400);
  }
});
