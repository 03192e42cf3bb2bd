import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runWhole, type Situation } from "@eraft/simulation";

const SEEDS = Array.from({ length: 40 }, (_, at) => 7000 + at);
const EVENTS = 2500;

/** Too seldom to be met here for certain; the named scenarios bring each of them about many times. */
const RARE: ReadonlySet<Situation> = new Set([
  "bitFlipped",
  "crashLostSnapshot",
  "crashWhileStarting",
  "diskWiped",
  "snapshotRepeated",
  "snapshotTimedOutButInstalled",
  "stateBehindSnapshot",
]);

test("whole servers keep their promises on forty seeds, and come back when everything is healed", async () => {
  const met = new Map<Situation, number>();
  for (const seed of SEEDS) {
    const { coverage } = await runWhole({ seed, events: EVENTS });
    for (const [situation, times] of coverage.counts()) met.set(situation, (met.get(situation) ?? 0) + times);
  }
  const missed = [...met]
    .filter(([situation, times]) => times === 0 && !RARE.has(situation))
    .map(([situation]) => situation);
  expect(missed).toEqual([]);
});

test("the same seed twice is the same run, event for event", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const runs = [];
    for (const _ of [1, 2]) {
      const lines: string[] = [];
      const { coverage, ...result } = await runWhole({
        seed,
        events: 1500,
        record: (line) => lines.push(line),
      });
      runs.push({ ...result, coverage: coverage.counts(), lines });
    }
    expect(runs[0]).toEqual(runs[1]);
  }
});

test("another seed is another run", async () => {
  const hashes = new Set<number>();
  for (const seed of [11, 12, 13]) hashes.add((await runWhole({ seed, events: 300 })).traceHash);
  expect(hashes.size).toBe(3);
});

test("nothing in here reads a clock, draws from the host's randomness or waits for a timer of the host", async () => {
  const folder = new URL("../src/whole/", import.meta.url);
  const banned =
    /\bDate\b|Math\.random|\bsetTimeout\b|\bsetInterval\b|\bperformance\b|\bcrypto\b|from "node:/;
  const found = [];
  for (const name of await readdir(folder)) {
    const lines = (await readFile(new URL(name, folder), "utf8")).split("\n");
    found.push(...lines.filter((line) => banned.test(line)).map((line) => `${name}: ${line.trim()}`));
  }
  expect(found).toEqual([]);
});
