import { beforeEach, expect, test } from "vitest";
import type { Entry, StoredSnapshot, WriteBatch } from "@eraft/core";
import { MemoryStorage } from "@eraft/storage-memory";

const entry = (index: number, term: number, ...command: number[]): Entry => ({
  index,
  term,
  command: Uint8Array.from(command),
});
const batch = (part: Partial<WriteBatch>): WriteBatch => ({
  hardState: null,
  truncateFrom: null,
  entries: [],
  ...part,
});
const meta = (lastIncludedIndex: number, lastIncludedTerm: number) => ({
  lastIncludedIndex,
  lastIncludedTerm,
});

let storage: MemoryStorage;
beforeEach(async () => {
  storage = new MemoryStorage();
  await storage.open();
});

async function reopen() {
  await storage.close();
  return storage.open();
}

async function install(index: number, term: number, ...chunks: Uint8Array[]): Promise<void> {
  const sink = await storage.createSnapshot(meta(index, term));
  for (const chunk of chunks) await sink.write(chunk);
  await sink.commit();
}

async function bytesOf(snapshot: StoredSnapshot | null): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of snapshot?.chunks ?? []) bytes.push(...chunk);
  return bytes;
}

test("a new storage holds term 0, no vote, no snapshot and no entries", async () => {
  expect(await reopen()).toEqual({ hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] });
  expect(await storage.readSnapshot()).toBeNull();
  expect(storage.size()).toBe(0);
});

test("what was written is there after close and open", async () => {
  await storage.write(
    batch({ hardState: { term: 2, votedFor: 1 }, entries: [entry(1, 1, 7), entry(2, 2, 8, 9)] }),
  );
  expect(await reopen()).toEqual({
    hardState: { term: 2, votedFor: 1 },
    snapshot: null,
    entries: [entry(1, 1, 7), entry(2, 2, 8, 9)],
  });
  expect(storage.size()).toBe(3);
});

test("truncation comes before the append, and a batch without hard state keeps the stored one", async () => {
  await storage.write(
    batch({ hardState: { term: 1, votedFor: 0 }, entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }),
  );
  await storage.write(batch({ truncateFrom: 2, entries: [entry(2, 4, 5)] }));
  expect(await reopen()).toMatchObject({
    hardState: { term: 1, votedFor: 0 },
    entries: [entry(1, 1), entry(2, 4, 5)],
  });
});

test("a batch that leaves a gap is refused and changes nothing", async () => {
  await storage.write(batch({ entries: [entry(1, 1)] }));
  const gap = batch({
    hardState: { term: 9, votedFor: 9 },
    truncateFrom: 1,
    entries: [entry(1, 9), entry(3, 9)],
  });
  await expect(storage.write(gap)).rejects.toThrow("Entry 3 was written where 2 is next");
  expect(await reopen()).toMatchObject({ hardState: { term: 0, votedFor: null }, entries: [entry(1, 1)] });
});

test.for([
  { kind: "Uint8Array", one: () => Uint8Array.of(1) },
  { kind: "Buffer, whose slice is no copy", one: () => Buffer.of(1) },
])("bytes are copied on the way in and on the way out: $kind", async ({ one }) => {
  const command = one();
  const chunk = one();
  await storage.write(batch({ entries: [entry(1, 1), { index: 2, term: 1, command }] }));
  await install(1, 1, chunk);
  command[0] = 99;
  chunk[0] = 99;
  const restored = await reopen();
  expect(restored.entries).toEqual([entry(2, 1, 1)]);
  restored.entries[0]?.command.fill(99);
  expect((await reopen()).entries).toEqual([entry(2, 1, 1)]);
  for await (const read of (await storage.readSnapshot())?.chunks ?? []) read.fill(99);
  expect(await bytesOf(await storage.readSnapshot())).toEqual([1]);
});

test("configurations of entries and of the snapshot are kept, as copies", async () => {
  const member = { id: 2, address: "zoë:7000", standing: "demoted", incarnation: null } as const;
  const given = { members: [{ ...member }] };
  const sink = await storage.createSnapshot({ ...meta(1, 1), configuration: given });
  await sink.commit();
  await storage.write(batch({ entries: [{ ...entry(2, 1), configuration: given }, entry(3, 1)] }));
  const spoil = (owned: unknown): void =>
    void Object.assign((owned as typeof given).members[0] ?? {}, { id: 9 });
  spoil(given);
  for (const attempt of [1, 2]) {
    const { snapshot, entries } = await reopen();
    const stored = await storage.readSnapshot();
    expect(snapshot, `open ${attempt}`).toEqual({ ...meta(1, 1), configuration: { members: [member] } });
    expect(stored?.meta).toEqual(snapshot);
    expect(entries).toEqual([{ ...entry(2, 1), configuration: { members: [member] } }, entry(3, 1)]);
    for (const owned of [snapshot, stored?.meta, entries[0]]) spoil(owned?.configuration);
  }
});

test("a second open without a close is refused, and nothing works before open or after close", async () => {
  await expect(storage.open()).rejects.toThrow("already open");
  await storage.close();
  await storage.close();
  await expect(storage.write(batch({}))).rejects.toThrow("not open");
  await expect(storage.createSnapshot(meta(1, 1))).rejects.toThrow("not open");
  await expect(storage.readSnapshot()).rejects.toThrow("not open");
});

test("filling a sink changes nothing until commit, and abort forgets it", async () => {
  await storage.write(batch({ entries: [entry(1, 1, 7)] }));
  const sink = await storage.createSnapshot(meta(1, 1));
  await sink.write(Uint8Array.of(1));
  expect(await storage.readSnapshot()).toBeNull();
  await sink.abort();
  await sink.abort();
  await expect(sink.write(Uint8Array.of(2))).rejects.toThrow("aborted");
  await expect(sink.commit()).rejects.toThrow("aborted");
  expect(await reopen()).toMatchObject({ snapshot: null, entries: [entry(1, 1, 7)] });
});

test("one sink is open at a time; commit, abort and close all make room for the next", async () => {
  const first = await storage.createSnapshot(meta(1, 1));
  await expect(storage.createSnapshot(meta(2, 1))).rejects.toThrow("Another snapshot");
  await first.commit();
  await first.abort();
  const second = await storage.createSnapshot(meta(2, 1));
  await reopen();
  await expect(second.commit()).rejects.toThrow("cut off");
  await install(3, 1);
  expect((await reopen()).snapshot).toEqual(meta(3, 1));
});

test("a snapshot that is not newer than the stored one is refused", async () => {
  await install(5, 2, Uint8Array.of(5));
  await expect(storage.createSnapshot(meta(5, 2))).rejects.toThrow("not newer");
  await expect(storage.createSnapshot(meta(4, 3))).rejects.toThrow("not newer");
  expect(await bytesOf(await storage.readSnapshot())).toEqual([5]);
});

test.for([
  { name: "what follows an entry of the same term is kept", index: 2, term: 1, kept: [3] },
  { name: "everything goes if that entry has another term", index: 2, term: 2, kept: [] },
  { name: "everything goes if the snapshot is beyond the log", index: 9, term: 1, kept: [] },
])("commit: $name; term and vote stay", async ({ index, term, kept }) => {
  const entries = [entry(1, 1), entry(2, 1), entry(3, 1)];
  await storage.write(batch({ hardState: { term: 3, votedFor: 2 }, entries }));
  await install(index, term, Uint8Array.of(1, 2), Uint8Array.of(3));
  const restored = await reopen();
  expect(restored.entries.map((entry) => entry.index)).toEqual(kept);
  expect(restored).toMatchObject({ hardState: { term: 3, votedFor: 2 }, snapshot: meta(index, term) });
  expect(await bytesOf(await storage.readSnapshot())).toEqual([1, 2, 3]);
  expect(storage.size()).toBe(3);
  // The log goes on after the snapshot, or after what it kept.
  const next = (kept.at(-1) ?? index) + 1;
  await storage.write(batch({ entries: [entry(next, 4)] }));
  expect((await reopen()).entries.at(-1)).toEqual(entry(next, 4));
});

test("a snapshot being read stays readable to its end while a newer one is committed", async () => {
  await install(1, 1, Uint8Array.of(1), Uint8Array.of(2));
  const old = await storage.readSnapshot();
  const chunks = old?.chunks[Symbol.asyncIterator]();
  expect((await chunks?.next())?.value).toEqual(Uint8Array.of(1));
  await install(2, 1, Uint8Array.of(9));
  expect((await chunks?.next())?.value).toEqual(Uint8Array.of(2));
  expect((await chunks?.next())?.done).toBe(true);
  expect(old).toMatchObject({ meta: meta(1, 1), size: 2 });
});
