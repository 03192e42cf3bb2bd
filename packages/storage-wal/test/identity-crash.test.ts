import type { PeerIdentity } from "@eraft/core";
import { CrashDisk, type CrashImage, type DiskImage, crashImages } from "@eraft/conformance";
import { expect, test } from "vitest";
import { type StoredIdentity, type WalFileSystem, WalStorage, openIdentity } from "../src/index.ts";
import { faulty, systemError } from "./faulty-disk.ts";
import { take, vote } from "./model.ts";
import { DIR } from "./scratch.ts";

/** What a peer was told, or would be told at the next start. */
interface Told extends PeerIdentity {
  readonly term: number;
}

/** Something that was promised by the time that the disk had seen so many operations, and had been begun after so many. */
interface Milestone {
  readonly begun: number;
  readonly done: number;
  /** What the next start may tell; null for a new incarnation. */
  readonly next: Told | null;
}

/** One start of a server: identity, storage, what both say. */
async function start(fileSystem: WalFileSystem) {
  const identity = await openIdentity(DIR, { fileSystem });
  const storage = new WalStorage({ dir: DIR, identity, segmentBytes: 512 });
  const { hardState } = await storage.open();
  return { identity, storage, told: toldBy(identity, hardState.term) };
}

function toldBy({ clusterId, incarnation, starts }: StoredIdentity, term: number): Told {
  return { clusterId, incarnation, starts, term };
}

function following(told: Told): Told {
  return { ...told, starts: told.starts + 1 };
}

/** A disk from its first start on: adopted by a cluster, restarted, renewed, killed, restarted. */
async function lives(): Promise<{ disk: CrashDisk; milestones: readonly Milestone[] }> {
  const disk = new CrashDisk();
  const milestones: Milestone[] = [{ begun: -1, done: 0, next: null }];
  const step = async <T>(work: () => Promise<T>, next: (result: T) => Told): Promise<T> => {
    const begun = disk.operations.length;
    const result = await work();
    milestones.push({ begun, done: disk.operations.length, next: following(next(result)) });
    return result;
  };
  const open = (): Promise<StoredIdentity> => openIdentity(DIR, { fileSystem: disk });
  const first = await step(open, (identity) => toldBy(identity, 0));
  await step(
    () => first.adoptCluster("one"),
    () => toldBy(first, 0),
  );
  const storage = new WalStorage({ dir: DIR, identity: first, segmentBytes: 512 });
  await step(
    () => storage.open(),
    () => toldBy(first, 0),
  );
  await step(
    () => take(storage, vote(5, 1)),
    () => toldBy(first, 5),
  );
  await storage.close();
  const second = await step(open, (identity) => toldBy(identity, 5));
  await step(
    () => second.renew(),
    () => toldBy(second, 5),
  );
  disk.releaseLocks();
  const third = await step(open, (identity) => toldBy(identity, 5));
  const again = new WalStorage({ dir: DIR, identity: third, segmentBytes: 512 });
  await step(
    () => again.open(),
    () => toldBy(third, 5),
  );
  await step(
    () => take(again, vote(6, 2)),
    () => toldBy(third, 6),
  );
  return { disk, milestones };
}

/** What the next start may tell after a power loss: that which was done last, or what was under way. */
function allowed(milestones: readonly Milestone[], after: number): readonly (Told | null)[] {
  const certain = milestones.findLastIndex(({ done }) => done <= after);
  return milestones
    .filter(({ begun }, i) => i === certain || (i > certain && begun < after))
    .map(({ next }) => next);
}

function isAllowed(told: Told, milestones: readonly Milestone[], after: number): boolean {
  return allowed(milestones, after).some((next) =>
    next === null
      ? told.starts === 1 && told.clusterId === null && told.term === 0
      : JSON.stringify(told) === JSON.stringify(next),
  );
}

const FEW = { sectorBytes: 512, exhaustiveUnits: 3 };

/** All that a power loss may leave, each with what a start on it tells; every one must be able to start. */
async function survivors(
  disk: CrashDisk,
  from = 0,
): Promise<(CrashImage & { told: Told; recovered: CrashDisk })[]> {
  const found = [];
  for (const crash of crashImages(disk, { sectorBytes: 512, exhaustiveUnits: 5, from })) {
    const recovered = new CrashDisk(crash.image);
    const { told } = await start(recovered);
    found.push({ ...crash, told, recovered });
  }
  return found;
}

test("what was told survives a power loss at any point: no start is told twice, no cluster and no incarnation is forgotten", async () => {
  const { disk, milestones } = await lives();
  const found = await survivors(disk);
  for (const { after, told } of found) {
    expect(isAllowed(told, milestones, after), `after ${after} operations: ${JSON.stringify(told)}`).toBe(
      true,
    );
  }
  // Guards the test itself: every milestone is found, and so is what was under way.
  const kinds = new Set(found.map(({ told }) => JSON.stringify({ ...told, incarnation: "some" })));
  expect(kinds.size).toBeGreaterThanOrEqual(6);
  expect(found.length).toBeGreaterThan(80);
});

test("the start after a power loss may be cut off by another one", async () => {
  const { disk } = await lives();
  const seen = new Set<string>();
  for (const { told, fingerprint, recovered } of await survivors(disk)) {
    if (seen.has(fingerprint)) continue;
    seen.add(fingerprint);
    const all = recovered.operations.length;
    for (const { after, image } of crashImages(recovered, FEW)) {
      const next = (await start(new CrashDisk(image))).told;
      // Cut off before it was told to anybody, the same start may come again; with another incarnation, if that was a new one.
      const again = told.starts === 1 ? { ...told, incarnation: next.incarnation } : told;
      expect(after < all ? [following(told), again] : [following(told)]).toContainEqual(next);
    }
  }
});

/** A process that dies after so many changes of the disk, whatever it is at. Returns whether it came to its end. */
async function killedAfter(
  changes: number,
  disk: CrashDisk,
  work: (fs: WalFileSystem) => Promise<void>,
): Promise<boolean> {
  let left = changes;
  const dying = faulty(disk, (point) => {
    if (left > 0 && (point === "read" || point === "open")) return null;
    return left-- > 0 ? null : systemError("EKILLED");
  });
  const ended = await work(dying).then(
    () => true,
    () => false,
  );
  left = 0;
  disk.releaseLocks();
  return ended;
}

const processes = {
  "one with an identity": async (fileSystem: WalFileSystem): Promise<void> => {
    await start(fileSystem);
  },
  "one that knows no identities": async (fileSystem: WalFileSystem): Promise<void> => {
    await new WalStorage({ dir: DIR, segmentBytes: 512, fileSystem }).open();
  },
};

// The killed process has left renames in the page cache; the next one sees them, and a power loss may undo any of them.
test.each(Object.entries(processes))(
  "a start after a kill at any point can be followed by a power loss at any point: %s was killed",
  async (_what, work) => {
    for (let changes = 0; ; changes += 1) {
      const disk = new CrashDisk();
      const ended = await killedAfter(changes, disk, work);
      const from = disk.operations.length;
      const { told } = await start(disk);
      const done = disk.operations.length;
      for (const { after, told: next } of await survivors(disk, from)) {
        if (after < done) continue;
        expect(next).toEqual(following(told));
      }
      if (ended) return;
    }
  },
);

/** The log, but for its identity. */
function withoutIdentity(image: DiskImage): DiskImage {
  return new Map([...image].filter(([path]) => path !== `${DIR}/IDENTITY`));
}

test("a directory that loses its identity gets another one, and keeps its log", async () => {
  const { disk } = await lives();
  const before = (await start(new CrashDisk(disk.image()))).told;
  const after = (await start(new CrashDisk(withoutIdentity(disk.image())))).told;
  expect(after).toEqual({ clusterId: null, incarnation: expect.any(String), starts: 1, term: before.term });
  expect(after.incarnation).not.toBe(before.incarnation);
});
