import { expect, test } from "vitest";
import { WalError, WalFailedError, WalStorage } from "../src/index.ts";
import { CrashDisk } from "@eraft/conformance";
import { failOnly, faulty, systemError } from "./faulty-disk.ts";
import type { State, Step } from "./model.ts";
import { Model, append, entries, openState, snapshot, take, vote } from "./model.ts";
import { DIR, onDisk } from "./scratch.ts";

const steps: readonly Step[] = [
  vote(1, 1),
  append(...entries(1, 1, 300, 300)),
  append(...entries(3, 1, 600)),
  snapshot(2, 1),
  append(...entries(4, 1, 10)),
  snapshot(4, 1),
  vote(2, 1),
];

interface FaultyRun {
  readonly operations: number;
  readonly error: unknown;
  /** What was confirmed. */
  readonly confirmed: readonly Step[];
  /** What was being done when the fault struck. */
  readonly attempted: Step;
  readonly disk: CrashDisk;
  /** Whether a write after the fault was confirmed. */
  readonly goesOn: boolean;
}

const afterwards = vote(9, 9);

/** Takes the steps until one fails, then one more, with a fault in the operation with this number. */
async function runWithFault(number: number): Promise<FaultyRun> {
  const disk = new CrashDisk();
  const { faults, count } = failOnly(number, "EIO");
  const storage = new WalStorage({ dir: DIR, segmentBytes: 1024, fileSystem: faulty(disk, faults) });
  const confirmed: Step[] = [];
  let error: unknown = null;
  try {
    await storage.open();
    for (const step of steps) {
      await take(storage, step);
      confirmed.push(step);
    }
  } catch (caught) {
    error = caught;
  }
  const attempted = steps[confirmed.length] ?? afterwards;
  const [{ status }] = await Promise.allSettled([take(storage, afterwards)]);
  const goesOn = status === "fulfilled";
  if (goesOn) confirmed.push(afterwards);
  await storage.close();
  return { operations: count(), error, confirmed, attempted, disk, goesOn };
}

function stateAfter(steps: readonly Step[]): State {
  const model = new Model();
  for (const step of steps) model.take(step);
  return model.state();
}

test("whichever operation fails once, nothing is confirmed after it and nothing confirmed is lost", async () => {
  const whole = await runWithFault(-1);
  expect(whole.error).toBeNull();
  expect(whole.operations).toBeGreaterThan(50);
  const codes = new Set<unknown>();
  for (let number = 0; number < whole.operations; number++) {
    const { error, confirmed, attempted, disk, goesOn } = await runWithFault(number);
    const found = await openState(onDisk(new CrashDisk(disk.image())));
    const possible = [stateAfter(confirmed)];
    if (!goesOn) possible.push(stateAfter([...confirmed, attempted]));
    expect(possible).toContain(found);
    const code = error instanceof WalError ? error.code : error;
    codes.add(code);
    // A snapshot that cannot be written does no harm to the log; anything else breaks the storage for good. The very last
    // operations belong to the step afterwards and to close.
    expect(goesOn).toBe(code === "ERAFT_WAL_SNAPSHOT" || (code === null && confirmed.includes(afterwards)));
  }
  expect(codes).toEqual(new Set(["ERAFT_WAL_FAILED", "ERAFT_WAL_SNAPSHOT", null]));
});

test("after one failed fdatasync every write and commit is refused, though the disk would take them", async () => {
  const disk = new CrashDisk();
  let failing = false;
  const fileSystem = faulty(disk, (point) => (failing && point === "sync" ? systemError("EIO") : null));
  const storage = new WalStorage({ dir: DIR, fileSystem });
  await storage.open();
  await take(storage, vote(1, 1));
  const sink = await storage.createSnapshot({ lastIncludedIndex: 1, lastIncludedTerm: 1 });
  failing = true;
  await expect(take(storage, vote(2, 2))).rejects.toMatchObject({
    code: "ERAFT_WAL_FAILED",
    cause: { code: "EIO" },
  });
  failing = false;
  const before = disk.operations.length;
  for (let i = 0; i < 2; i++) {
    await expect(take(storage, vote(3, 3))).rejects.toMatchObject({
      code: "ERAFT_WAL_FAILED",
      cause: { code: "EIO" },
    });
  }
  await expect(sink.commit()).rejects.toThrow(WalFailedError);
  await expect(storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 })).rejects.toThrow(
    WalFailedError,
  );
  await storage.close();
  // All that happened since: the snapshot's temporary file was given up. No byte was written, nothing synced.
  expect(disk.operations.slice(before).filter(({ type }) => type === "write" || type === "sync")).toEqual([]);
});

test("a write that waits behind the one that fails is refused, too", async () => {
  let failing = false;
  const fileSystem = faulty(new CrashDisk(), (point) =>
    failing && point === "sync" ? systemError("EIO") : null,
  );
  const storage = new WalStorage({ dir: DIR, fileSystem });
  await storage.open();
  failing = true;
  const results = await Promise.allSettled([take(storage, vote(1, 1)), take(storage, vote(1, 1))]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a batch whose fdatasync failed is written again by the open that reports it", async () => {
  const disk = new CrashDisk();
  let failing = false;
  const fileSystem = faulty(disk, (point) => (failing && point === "sync" ? systemError("EIO") : null));
  const storage = new WalStorage({ dir: DIR, fileSystem });
  await storage.open();
  failing = true;
  await expect(take(storage, vote(7, 3))).rejects.toThrow(WalFailedError);
  await storage.close();
  // The page cache still has it, and the kernel believes that the disk has it, too.
  const again = new CrashDisk(disk.image());
  const { hardState } = await onDisk(again).open();
  expect(hardState).toEqual({ term: 7, votedFor: 3 });
  const [rewritten, synced] = again.operations.filter(({ type }) => type === "write" || type === "sync");
  expect(rewritten).toMatchObject({ type: "write", position: 48 + 88 });
  expect(synced).toMatchObject({ type: "sync" });
});

test("a disk that is full when a directory is created gives an error that says so, and leaves room for another try", async () => {
  const disk = new CrashDisk();
  let full = true;
  const fileSystem = faulty(disk, (point) => (full && point === "write" ? systemError("ENOSPC") : null));
  await expect(new WalStorage({ dir: DIR, fileSystem }).open()).rejects.toMatchObject({
    code: "ERAFT_WAL_FAILED",
    message: expect.stringContaining("ENOSPC"),
  });
  full = false;
  expect(await openState(new WalStorage({ dir: DIR, fileSystem }))).toBe(new Model().state());
});

test("a disk that fills up while a snapshot is written costs that snapshot only", async () => {
  const disk = new CrashDisk();
  let full = false;
  const fileSystem = faulty(disk, (point, path) =>
    full && point === "write" && path.endsWith(".snap.tmp") ? systemError("ENOSPC") : null,
  );
  const storage = new WalStorage({ dir: DIR, fileSystem });
  const model = new Model();
  await storage.open();
  const sink = await storage.createSnapshot({ lastIncludedIndex: 1, lastIncludedTerm: 1 });
  full = true;
  await expect(sink.write(new Uint8Array(1_000_000))).rejects.toMatchObject({
    code: "ERAFT_WAL_SNAPSHOT",
    cause: { code: "ENOSPC" },
  });
  await sink.abort();
  await expect(sink.commit()).rejects.toMatchObject({ code: "ERAFT_WAL_USAGE" });
  expect(disk.list(DIR).filter((name) => name.includes("snapshot"))).toEqual([]);
  full = false;
  for (const step of [append(...entries(1, 1, 10)), snapshot(1, 1)]) {
    await take(storage, step);
    model.take(step);
  }
  await storage.close();
  expect(await openState(onDisk(new CrashDisk(disk.image())))).toBe(model.state());
});
