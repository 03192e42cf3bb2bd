import { expect, test } from "vitest";
import { WalDamageError, WalStaleSnapshotError, WalUsageError } from "../src/index.ts";
import { CrashDisk } from "@eraft/conformance";
import { Model, append, entries, openState, snapshot, snapshotData, take, vote } from "./model.ts";
import { DIR, changed, flipped, onDisk, outcomeOf } from "./scratch.ts";

async function opened(disk: CrashDisk = new CrashDisk()): Promise<ReturnType<typeof onDisk>> {
  const storage = onDisk(disk);
  await storage.open();
  return storage;
}

function meta(
  lastIncludedIndex: number,
  lastIncludedTerm = 1,
): { lastIncludedIndex: number; lastIncludedTerm: number } {
  return { lastIncludedIndex, lastIncludedTerm };
}

test("the bytes come back whatever the sizes of the chunks they came in, from a buffer used again and again", async () => {
  const storage = await opened();
  const sink = await storage.createSnapshot(meta(3));
  const sizes = [0, 1, 131_071, 131_072, 131_073, 5, 400_000];
  const expected = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0)).map((_, at) => (at * 7) % 251);
  const buffer = new Uint8Array(400_000);
  let at = 0;
  for (const size of sizes) {
    buffer.set(expected.subarray(at, at + size));
    await sink.write(buffer.subarray(0, size));
    at += size;
  }
  await sink.commit();
  const stored = await storage.readSnapshot();
  expect(stored?.meta).toEqual(meta(3));
  expect(stored?.size).toBe(expected.length);
  expect(Buffer.compare(await snapshotData(storage), expected)).toBe(0);
});

test("batches are written while a snapshot is filled, and nothing of it shows until it is committed", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  const model = new Model();
  const sink = await storage.createSnapshot(meta(2));
  for (let index = 1; index <= 5; index++) {
    const step = append(...entries(index, 1, 300));
    await sink.write(new Uint8Array(50_000).fill(index));
    await take(storage, step);
    model.take(step);
    expect(await openState(onDisk(new CrashDisk(disk.image())))).toBe(model.state());
  }
  const data = Buffer.concat([1, 2, 3, 4, 5].map((index) => new Uint8Array(50_000).fill(index)));
  await sink.commit();
  model.take({ type: "snapshot", meta: meta(2), data });
  expect(await openState(onDisk(new CrashDisk(disk.image())))).toBe(model.state());
});

test("an aborted snapshot leaves nothing behind, and another can begin", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  const before = disk.list(DIR).length;
  const sink = await storage.createSnapshot(meta(1));
  await expect(storage.createSnapshot(meta(2))).rejects.toThrow(WalUsageError);
  await sink.write(new Uint8Array(200_000));
  await sink.abort();
  await sink.abort();
  expect(disk.list(DIR).length).toBe(before);
  await expect(sink.write(new Uint8Array(1))).rejects.toThrow(WalUsageError);
  await take(storage, snapshot(1, 1));
  expect(storage.size()).toBeGreaterThan(100);
});

test("an index that the stored snapshot covers is refused, and so is a meta that is no position", async () => {
  const storage = await opened();
  await take(storage, snapshot(5, 2));
  for (const index of [5, 4, 0, -1]) {
    await expect(storage.createSnapshot(meta(index, 2))).rejects.toThrow(WalStaleSnapshotError);
  }
  for (const bad of [meta(6.5), meta(Number.NaN), meta(6, -1), meta(2 ** 53, 2), meta(6, 1)]) {
    await expect(storage.createSnapshot(bad)).rejects.toThrow(WalUsageError);
  }
  await take(storage, snapshot(6, 2));
});

test("abort after commit is harmless", async () => {
  const storage = await opened();
  const sink = await storage.createSnapshot(meta(1));
  await sink.commit();
  await sink.abort();
  expect((await storage.readSnapshot())?.meta).toEqual(meta(1));
});

test("a snapshot that is being read stays readable while newer ones replace it", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  const first = snapshot(1, 1, 300_000);
  await take(storage, first);
  const stored = await storage.readSnapshot();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stored?.chunks ?? []) {
    if (chunks.length === 0) {
      await take(storage, snapshot(2, 1));
      await take(storage, snapshot(3, 1));
    }
    chunks.push(chunk);
  }
  expect(first.type === "snapshot" && Buffer.compare(Buffer.concat(chunks), first.data)).toBe(0);
  expect(disk.list(DIR).filter((name) => name.endsWith(".snap")).length).toBe(1);
});

test("a stored snapshot can be read once, and not after the storage is closed", async () => {
  const storage = await opened();
  await take(storage, snapshot(1, 1));
  const stored = await storage.readSnapshot();
  const read = async (): Promise<number> => {
    let count = 0;
    for await (const chunk of stored?.chunks ?? []) count += chunk.length;
    return count;
  };
  expect(await read()).toBe(100);
  await expect(read()).rejects.toThrow("once");
  const late = await storage.readSnapshot();
  await storage.close();
  await expect(late?.chunks[Symbol.asyncIterator]().next()).rejects.toThrow("storage closed");
});

test("rot that comes after the open is noticed before a wrong chunk is handed out", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  await take(storage, snapshot(1, 1, 300_000));
  const path = `${DIR}/snapshot-0000000000000001-0000000000000001.snap`;
  const file = disk.open(path, "write");
  file.write(new Uint8Array([1, 2, 3]), 140_000);
  const stored = await storage.readSnapshot();
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    for await (const chunk of stored?.chunks ?? []) chunks.push(chunk);
  })();
  await expect(reading).rejects.toThrow(WalDamageError);
  expect(chunks.map((chunk) => chunk.length)).toEqual([131_072]);
});

test("a damaged snapshot is refused; an older one that is still there does not stand in for it", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  await take(storage, append(...entries(1, 1, 10, 10, 10)));
  await take(storage, snapshot(1, 1));
  const older = `${DIR}/snapshot-0000000000000001-0000000000000001.snap`;
  const old = disk.image().get(older);
  await take(storage, snapshot(2, 1));
  const newer = `${DIR}/snapshot-0000000000000002-0000000000000001.snap`;
  const image = new Map([...disk.image(), [older, old ?? new Uint8Array(0)]]);
  expect((await outcomeOf(image)).error).toBeNull();
  const rotten = changed(image, newer, flipped(60));
  expect((await outcomeOf(rotten)).error).toMatchObject({ code: "ERAFT_WAL_DAMAGE", file: newer });
  const without = new Map([...image].filter(([path]) => path !== newer));
  expect((await outcomeOf(without)).error).toMatchObject({ code: "ERAFT_WAL_DAMAGE", file: newer });
});

test("a batch over an old conflicting log, after a crash between a snapshot's rename and its record", async () => {
  const disk = new CrashDisk();
  const storage = await opened(disk);
  const model = new Model();
  for (const step of [append(...entries(1, 1, 10, 10, 10)), vote(2, 1)]) {
    await take(storage, step);
    model.take(step);
  }
  const step = snapshot(2, 2);
  const sink = await storage.createSnapshot(meta(2, 2));
  if (step.type === "snapshot") await sink.write(step.data);
  const committing = sink.commit();
  // The disk as it is right after the rename.
  const renamed = new Promise<ReturnType<CrashDisk["image"]>>((resolve) => {
    const rename = disk.rename.bind(disk);
    disk.rename = (from, to) => {
      rename(from, to);
      resolve(disk.image());
    };
  });
  model.take(step);
  const crashed = new CrashDisk(await renamed);
  await committing;
  const again = onDisk(crashed);
  expect(await openState(again)).toBe(model.state());
  const next = append(...entries(3, 3, 10));
  await take(again, next);
  model.take(next);
  expect(await openState(onDisk(new CrashDisk(crashed.image())))).toBe(model.state());
});
