import { expect, test } from "vitest";
import { WalStorage } from "../src/index.ts";
import type { DiskImage } from "@eraft/conformance";
import { CrashDisk, crashImages, DEFAULT_CRASH_OPTIONS, fingerprint } from "@eraft/conformance";
import { faulty, systemError } from "./faulty-disk.ts";
import type { State, Step } from "./model.ts";
import {
  Model,
  PAIR,
  append,
  configured,
  entries,
  openState,
  replace,
  snapshot,
  take,
  vote,
} from "./model.ts";

const dir = "/wal";
const segmentBytes = 2048;

/** Each step is there for a hazard: see the comments. */
const workload: readonly Step[] = [
  vote(1, 2),
  // Several sectors, so that it can be torn.
  append(...entries(1, 1, 700, 10, 300)),
  append(...entries(4, 1, 1)),
  {
    type: "write",
    batch: { hardState: { term: 2, votedFor: null }, truncateFrom: 3, entries: entries(3, 2, 200) },
  },
  // Too large for what is left of the segment.
  append(...entries(4, 2, 600, 600)),
  // ABA: the same index in three terms.
  replace(5, ...entries(5, 3, 50)),
  // The last one is a configuration.
  replace(5, configured(5, 4, PAIR)),
  // Keeps the suffix 5, whose segment must not go.
  snapshot(4, 2),
  append(...entries(6, 4, 400, 400)),
  vote(5, 1),
  // Conflicts with entry 6, which has term 4: keeps nothing. The configuration goes with the log, and stays in the snapshot.
  snapshot(6, 5, 1200, PAIR),
  // Begins where the old, dropped log had an entry 7: must not be judged against that.
  append(...entries(7, 5, 30)),
  // Larger than a segment.
  append(...entries(8, 5, 3000)),
  { type: "write", batch: { hardState: { term: 6, votedFor: null }, truncateFrom: 7, entries: [] } },
  // Beyond the end of the log. The members are again those the cluster began with.
  snapshot(20, 6),
  append(...entries(21, 6, 5)),
  append(...entries(22, 6, 900)),
  // In a new segment, which then goes back behind its own beginning. A crash while the snapshot deletes segments leaves this one as the
  // oldest, and the term of entry 21 is not known any more.
  append(...entries(23, 6, 1500)),
  { type: "write", batch: { hardState: { term: 7, votedFor: null }, truncateFrom: 22, entries: [] } },
  snapshot(30, 7, 100, PAIR),
];

interface Run {
  readonly disk: CrashDisk;
  /** What was stored before the first step, after it, after the second, ... */
  readonly states: readonly State[];
  /** Operations when each state began to be allowed, because its step had been started, and when it had been confirmed. */
  readonly started: readonly number[];
  readonly confirmed: readonly number[];
}

async function run(disk: CrashDisk, before: Model, steps: readonly Step[]): Promise<Run> {
  const states = [before.state()];
  const started = [0];
  const confirmed = [0];
  const storage = open(disk);
  expect(await openState(storage)).toBe(states[0]);
  for (const step of steps) {
    started.push(disk.operations.length);
    await take(storage, step);
    confirmed.push(disk.operations.length);
    before.take(step);
    states.push(before.state());
  }
  return { disk, states, started, confirmed };
}

/** The states that a crash after `after` operations may leave: what was confirmed, or also what was under way. */
function allowed({ states, started, confirmed }: Run, after: number): ReadonlySet<State> {
  const certain = confirmed.findLastIndex((operations) => operations <= after);
  return new Set(states.filter((_, i) => i === certain || (i > certain && (started[i] ?? Infinity) < after)));
}

function open(disk: CrashDisk): WalStorage {
  return new WalStorage({ dir, segmentBytes, fileSystem: disk });
}

async function stateOn(image: DiskImage): Promise<{ disk: CrashDisk; state: State }> {
  const disk = new CrashDisk(image);
  return { disk, state: await openState(open(disk)) };
}

/** All distinct disks that a power loss during `steps` may leave, each with the state that was read from it. */
async function survivors(
  steps: readonly Step[],
  sectorBytes: number,
): Promise<Map<string, { image: DiskImage; state: State }>> {
  const whole = await run(new CrashDisk(), new Model(), steps);
  const found = new Map<string, { image: DiskImage; state: State }>();
  for (const { after, image } of crashImages(whole.disk, { ...DEFAULT_CRASH_OPTIONS, sectorBytes })) {
    const key = fingerprint(image);
    const state = found.get(key)?.state ?? (await stateOn(image)).state;
    // Every acknowledged step is there, nothing is there in part, and nothing is invented.
    if (!allowed(whole, after).has(state)) {
      throw new Error(`a crash after ${after} operations leaves\n${state}`);
    }
    found.set(key, { image, state });
  }
  return found;
}

/** What the workload leaves, with the sectors of real disks; several tests go on from there. */
const afterWorkload = await survivors(workload, 512);

/** Distinct disks that a crash of `disk` may leave; fewer combinations, since this runs for each of many disks. */
function* distinctImages(disk: CrashDisk): Generator<DiskImage, void, undefined> {
  const seen = new Set<string>();
  for (const { image } of crashImages(disk, { sectorBytes: 512, exhaustiveUnits: 3 })) {
    const key = fingerprint(image);
    if (seen.has(key)) continue;
    seen.add(key);
    yield image;
  }
}

// Disks write 512 bytes or more at once. Smaller sectors tear records in more places than any disk does.
test.each([
  { sectorBytes: 512, atLeast: 500 },
  { sectorBytes: 64, atLeast: 1200 },
])(
  "what was acknowledged survives a power loss at any point, with sectors of $sectorBytes bytes",
  async ({ sectorBytes, atLeast }) => {
    const found = await survivors(workload, sectorBytes);
    // Guards the test itself: a workload or an enumeration that shrinks would prove less without failing.
    expect(found.size).toBeGreaterThan(atLeast);
    expect(new Set([...found.values()].map(({ state }) => state)).size).toBe(workload.length + 1);
  },
);

test("opening again, after a kill or a power loss during the open, gives the same", async () => {
  for (const { image, state } of afterWorkload.values()) {
    const { disk } = await stateOn(image);
    expect((await stateOn(disk.image())).state).toBe(state);
    for (const again of distinctImages(disk)) {
      expect((await stateOn(again)).state).toBe(state);
    }
  }
});

test("what open reports after a kill at any point is durable, and so is what is written next, though the killed process had not synced it", async () => {
  for (let operations = 0; ; operations++) {
    const disk = new CrashDisk();
    let left = operations;
    const dying = faulty(disk, () => (left-- > 0 ? null : systemError("EKILLED")));
    const died = await diesDuringWorkload(new WalStorage({ dir, segmentBytes, fileSystem: dying }));
    disk.releaseLocks();
    const storage = open(disk);
    const reported = await openState(storage);
    const opened = disk.operations.length;
    // Goes into a file whose name the killed process may not have made durable.
    await take(storage, vote(99, 7));
    const confirmed = disk.operations.length;
    const expected = reported.replace(/^term .*/, "term 99 vote 7");
    // A power loss takes whatever is in the page cache only, of the old process and of the new one.
    for (const { after, image } of crashImages(disk, { ...DEFAULT_CRASH_OPTIONS, from: opened })) {
      const possible = after < confirmed ? [reported, expected] : [expected];
      expect(after === opened ? [reported] : possible).toContain((await stateOn(image)).state);
    }
    if (!died) return;
  }
});

/** Whether the file system gave up before the workload was done. */
async function diesDuringWorkload(storage: WalStorage): Promise<boolean> {
  try {
    await storage.open();
    for (const step of workload) await take(storage, step);
    return false;
  } catch {
    return true;
  }
}

test("a server that goes on after a crash, and crashes again, has what it wrote in between or before", async () => {
  for (const { image, state } of afterWorkload.values()) {
    const disk = new CrashDisk(image);
    const storage = open(disk);
    await storage.open();
    const opened = disk.operations.length;
    await take(storage, vote(99, 7));
    const expected = state.replace(/^term .*/, "term 99 vote 7");
    expect((await stateOn(disk.image())).state).toBe(expected);
    const left = new Set<State>();
    for (const { after, image: again } of crashImages(disk, { sectorBytes: 512, exhaustiveUnits: 3 })) {
      const found = (await stateOn(again)).state;
      expect(after <= opened ? [state] : [state, expected]).toContain(found);
      left.add(found);
    }
    expect(left).toEqual(new Set([state, expected]));
  }
});

function threeSectors(term: number): Step {
  return {
    type: "write",
    batch: { hardState: { term, votedFor: 1 }, truncateFrom: null, entries: entries(1, 1, 1100) },
  };
}

test("a batch that was dropped as torn is not completed by its twin of a later term", async () => {
  const empty = new Model().state();
  let torn = 0;
  for (const { image, state } of (await survivors([threeSectors(1)], 512)).values()) {
    if (state !== empty) continue;
    torn++;
    const disk = new CrashDisk(image);
    const again = await run(disk, new Model(), [threeSectors(2)]);
    for (const { after, image } of crashImages(disk)) {
      expect(allowed(again, after)).toContain((await stateOn(image)).state);
    }
  }
  expect(torn).toBeGreaterThan(5);
});

test("a snapshot that is committed while batches are written comes before or after each of them, whole", async () => {
  const disk = new CrashDisk();
  const storage = open(disk);
  await storage.open();
  const first = append(...entries(1, 1, 100, 100, 100));
  const before = new Model();
  await take(storage, first);
  before.take(first);
  const second = append(...entries(4, 1, 400));
  const compaction = snapshot(2, 1);
  const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  const begun = disk.operations.length;
  if (compaction.type === "snapshot") await sink.write(compaction.data);
  const committed = sink.commit();
  const written = take(storage, second);
  await Promise.all([committed, written]);

  const states = new Set<State>([before.state()]);
  for (const steps of [[second], [compaction], [second, compaction]]) {
    const model = new Model();
    for (const step of [first, ...steps]) model.take(step);
    states.add(model.state());
  }
  for (const { image } of crashImages(disk, { ...DEFAULT_CRASH_OPTIONS, from: begun })) {
    expect(states).toContain((await stateOn(image)).state);
  }
  expect((await stateOn(disk.image())).state).toBe([...states].at(-1));
});
