import { LevelDamageError } from "@eraft/storage-level";
import { expect, test } from "vitest";
import { type LevelSite, hex, levelSite } from "./crash-level.ts";
import { batch, bytesIn, chunksIn, entries } from "./entries.ts";

const MEGABYTE = 1024 * 1024;

function chunkKeysIn({ level }: LevelSite): string[] {
  return [...level.image.keys()].filter((key) => key.startsWith(hex(Buffer.from("s")))).toSorted();
}

async function opened() {
  const site = levelSite();
  const storage = site.storage();
  await storage.open();
  await storage.write(batch({ entries: entries(1, 1, 5, 5, 5, 5) }));
  const commit = async (lastIncludedIndex: number, bytes: number): Promise<void> => {
    const sink = await storage.createSnapshot({ lastIncludedIndex, lastIncludedTerm: 1 });
    await sink.write(new Uint8Array(bytes).fill(lastIncludedIndex));
    await sink.commit();
  };
  return { site, storage, commit };
}

test("a snapshot goes to the database in batches of a megabyte, each durable before the next, and the commit is one small batch", async () => {
  const { site, storage } = await opened();
  const before = site.level.operations.length;
  const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  const piece = new Uint8Array(300_000).fill(1);
  for (let i = 0; i < 14; i += 1) await sink.write(piece);
  const filling = site.level.operations.slice(before);
  await sink.commit();
  const sizes = filling.map((operation) =>
    operation.type === "sync"
      ? "sync"
      : operation.changes.reduce((sum, [, value]) => sum + (value ?? "").length / 2, 0),
  );
  expect(sizes).toEqual(Array.from({ length: 4 }, () => [MEGABYTE + 8 * 4, "sync"]).flat());
  const commit = site.level.operations
    .slice(before + filling.length)
    .find(
      (operation) =>
        operation.type === "batch" && operation.changes.some(([key]) => key === hex(Buffer.from("a"))),
    );
  expect(commit).toMatchObject({ changes: { length: 3 } });
  const stored = await storage.readSnapshot();
  expect(stored?.size).toBe(14 * 300_000);
  expect((await bytesIn(stored)).equals(Buffer.alloc(14 * 300_000, 1))).toBe(true);
});

test("a replaced snapshot is removed when its last reader has finished", async () => {
  const { site, storage, commit } = await opened();
  await commit(1, 300_000);
  const readers = [await storage.readSnapshot(), await storage.readSnapshot()];
  const [first, second] = readers.map(chunksIn);
  await first?.next();
  await commit(2, 10);
  expect(chunkKeysIn(site)).toHaveLength(4);
  await first?.return?.();
  expect(chunkKeysIn(site)).toHaveLength(4);
  for (let next = await second?.next(); next?.done === false; next = await second?.next()) {
    expect(next.value.every((byte: number) => byte === 1)).toBe(true);
  }
  // Waits for the removal.
  await storage.close();
  expect(chunkKeysIn(site)).toHaveLength(1);
});

test("an abort removes what was filled, and a number is not given to another snapshot", async () => {
  const { site, storage, commit } = await opened();
  const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  await sink.write(new Uint8Array(2 * MEGABYTE));
  expect(chunkKeysIn(site)).toHaveLength(16);
  await sink.abort();
  expect(chunkKeysIn(site)).toHaveLength(0);
  await commit(2, 10);
  expect(chunkKeysIn(site)).toEqual([`${hex(Buffer.from("s"))}000000000000000200000000`]);
});

test("a chunk that is damaged while the storage is open ends its reading before it", async () => {
  const { site, storage, commit } = await opened();
  await commit(2, 300_000);
  const [, second = ""] = chunkKeysIn(site);
  const reader = await storage.readSnapshot();
  const chunks = chunksIn(reader);
  expect((await chunks.next()).done).toBe(false);
  await site.level.spoil(second);
  await expect(chunks.next()).rejects.toThrow(LevelDamageError);
  await expect(chunks.next()).resolves.toMatchObject({ done: true });
});

test("a reader of a closed storage is told so", async () => {
  const { storage, commit } = await opened();
  await commit(2, 300_000);
  const reader = await storage.readSnapshot();
  await storage.close();
  await expect(bytesIn(reader)).rejects.toThrow("the storage has been closed");
});
