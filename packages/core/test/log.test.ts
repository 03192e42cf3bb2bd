import { expect, test } from "vitest";
import { entryBytes } from "../src/entry-size.ts";
import { Log } from "../src/log.ts";
import { LogWalk } from "./harness/log-walk.ts";
import { entriesOf } from "./harness/messages.ts";

const EMPTY = { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] };

test("random operations, with truncations and snapshots during writes, agree with a simple model and the disk", () => {
  for (let seed = 0; seed < 400; seed += 1) {
    const run = () => {
      const walk = new LogWalk(seed);
      for (let step = 0; step < 150; step += 1) {
        walk.step();
        walk.check();
      }
      walk.checkAtRest();
    };
    expect(run, `seed ${seed}`).not.toThrow();
  }
});

const NOTHING = { retainedBytes: 0, maxRetainedBytes: 0, neededAfter: Infinity };

test("compaction leaves what is still needed, but not more than it may", () => {
  const [one = 0] = logOf(1).slice(1, 1).map(entryBytes);
  const baseAfter = (neededAfter: number, maxEntries: number): number => {
    const log = logOf(1, 1, 1, 1, 1, 1);
    const retention = { retainedBytes: one, maxRetainedBytes: maxEntries * one, neededAfter };
    log.compact({ lastIncludedIndex: 5, lastIncludedTerm: 1 }, retention);
    return log.baseIndex;
  };
  expect([Infinity, 4, 3, 1, 0].map((needed) => baseAfter(needed, 10))).toEqual([4, 4, 3, 1, 0]);
  expect([3, 2, 0].map((needed) => baseAfter(needed, 3))).toEqual([3, 2, 2]);
  expect(baseAfter(0, 0)).toBe(4);
});

function logOf(...terms: number[]): Log {
  return new Log({ ...EMPTY, entries: entriesOf(terms) }, { members: [] }, 1);
}

test("runs of equal terms are found from both ends", () => {
  const log = logOf(1, 1, 2, 2, 2, 4);
  expect([1, 2, 3, 4, 5, 6].map((index) => log.firstIndexOfTermAt(index))).toEqual([1, 1, 3, 3, 3, 6]);
  expect([1, 2, 3, 4, 5].map((term) => log.lastIndexOfTerm(term, 6))).toEqual([2, 5, null, 6, null]);
  expect(log.lastIndexOfTerm(2, 4)).toBe(4);
  expect(log.lastIndexOfTerm(4, 5)).toBeNull();
});

test("a batch has what fits, at least one entry, and none from beyond the end", () => {
  const log = logOf(1, 1, 1);
  const [one = 0] = log.slice(1, 1).map(entryBytes);
  expect(log.batch(1, 2 * one).map(({ index }) => index)).toEqual([1, 2]);
  expect(log.batch(2, 1).map(({ index }) => index)).toEqual([2]);
  expect(log.batch(4, 1000)).toEqual([]);
});

test("what contradicts the log stops the server", () => {
  const log = logOf(1, 2);
  expect(() => log.append({ index: 4, term: 2, command: new Uint8Array(1) })).toThrow(/does not follow/);
  expect(() => log.append({ index: 3, term: 1, command: new Uint8Array(1) })).toThrow(/term 1 after 2/);
  expect(() => log.slice(1, 3)).toThrow(/not in the log/);
  expect(() => log.knownTermAt(3)).toThrow(/entry 3/);
  expect(() => log.compact({ lastIncludedIndex: 2, lastIncludedTerm: 1 }, NOTHING)).toThrow(
    /has term 1, the log another/,
  );
  log.compact({ lastIncludedIndex: 2, lastIncludedTerm: 2 }, NOTHING);
  expect(() => log.truncate(2)).toThrow(/covered by the snapshot/);
});
