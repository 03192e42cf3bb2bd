import { expect, test } from "vitest";
import { majority, reachedByMajority } from "../src/quorum.ts";

/** All lists of `length` values from 0 to `max`. */
function* lists(length: number, max: number): Generator<number[]> {
  if (length === 0) return yield [];
  for (const rest of lists(length - 1, max)) {
    for (let value = 0; value <= max; value += 1) yield [...rest, value];
  }
}

/** All subsets of 0..size-1, as bit masks. */
function subsets(size: number): number[] {
  return Array.from({ length: 2 ** size }, (_, mask) => mask);
}

function count(mask: number): number {
  return mask === 0 ? 0 : (mask & 1) + count(mask >> 1);
}

/** The definition: the highest value such that more than half of the servers have at least it. */
function bruteForce(values: readonly number[]): number {
  let best = 0;
  for (const candidate of values) {
    let having = 0;
    for (const value of values) if (value >= candidate) having += 1;
    if (2 * having > values.length) best = Math.max(best, candidate);
  }
  return best;
}

test.each([1, 2, 3, 4, 5, 6, 7])(
  "of %i servers any two majorities share one, and nothing smaller does",
  (servers) => {
    const needed = majority(servers);
    const all = subsets(servers);
    const quorums = all.filter((mask) => count(mask) >= needed);
    expect(quorums.every((one) => quorums.every((other) => (one & other) !== 0))).toBe(true);
    const smaller = all.filter((mask) => count(mask) === needed - 1);
    const complement = 2 ** servers - 1;
    // The rest could decide without them: a set one smaller is met by a disjoint one of at least its size.
    expect(smaller.every((mask) => count(complement & ~mask) >= needed - 1)).toBe(true);
  },
);

test.each([
  [1, 6],
  [2, 6],
  [3, 6],
  [4, 5],
  [5, 4],
  [6, 3],
  [7, 3],
])("what a majority of %i servers has reached, for all values up to %i", (servers, max) => {
  let wrong = 0;
  for (const values of lists(servers, max)) if (reachedByMajority(values) !== bruteForce(values)) wrong += 1;
  expect(wrong).toBe(0);
});

test("it does not depend on the order, and does not change it", () => {
  const values = [3, 9, 1, 7, 7];
  expect(reachedByMajority(values)).toBe(7);
  expect(values).toEqual([3, 9, 1, 7, 7]);
});
