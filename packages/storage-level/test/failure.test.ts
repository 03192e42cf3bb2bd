import { LevelFailedError, LevelSnapshotError, LevelStorage, LevelUsageError } from "@eraft/storage-level";
import { expect, test } from "vitest";
import { LevelDevice, hex, levelSite } from "./crash-level.ts";
import { batch, bytesIn, entries, vote } from "./entries.ts";

const FULL = new Error("no space left");

/** Keys of this letter cannot be written. */
function refuse(level: LevelDevice, letter: string, kind: "put" | "del" = "put"): void {
  const prefix = hex(Buffer.from(letter));
  level.failure = (changes) =>
    changes.some(([key, value]) => key.startsWith(prefix) && (value === null) === (kind === "del"))
      ? FULL
      : null;
}

async function opened() {
  const site = levelSite();
  const storage = site.storage();
  await storage.open();
  await storage.write(batch({ ...vote(1, 1), entries: entries(1, 1, 5, 5, 5, 5) }));
  return { level: site.level, storage, site };
}

test("the first failed write is final, and says why", async () => {
  const { level, storage, site } = await opened();
  refuse(level, "e");
  const failed = await storage.write(batch({ entries: entries(5, 1, 5) })).catch((e: unknown) => e);
  expect(failed).toBeInstanceOf(LevelFailedError);
  expect(failed).toMatchObject({ code: "ERAFT_LEVEL_FAILED", cause: FULL });
  level.failure = null;
  await expect(storage.write(batch(vote(2, 1)))).rejects.toThrow(
    "an earlier write to the database failed: no space left",
  );
  await expect(storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 })).rejects.toThrow(
    LevelFailedError,
  );
  await storage.close();
  const next = site.storage();
  expect(await next.open()).toMatchObject({ hardState: { term: 1, votedFor: 1 } });
});

test("a snapshot that cannot be filled is a LevelSnapshotError, and the log goes on", async () => {
  const { level, storage } = await opened();
  const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  refuse(level, "s");
  await expect(sink.write(new Uint8Array(3_000_000))).rejects.toThrow(LevelSnapshotError);
  await expect(sink.write(new Uint8Array(1))).rejects.toThrow(LevelSnapshotError);
  level.failure = null;
  await sink.abort();
  await storage.write(batch({ entries: entries(5, 1, 5) }));
  const again = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  await again.write(new Uint8Array(10));
  await again.commit();
  await storage.close();
});

test("a commit that fails is final, whether its chunks cannot be written or its head", async () => {
  for (const letter of ["s", "a"]) {
    const { level, storage, site } = await opened();
    const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
    await sink.write(new Uint8Array(10));
    refuse(level, letter);
    await expect(sink.commit()).rejects.toThrow(LevelFailedError);
    level.failure = null;
    await expect(storage.write(batch(vote(2, 1)))).rejects.toThrow(LevelFailedError);
    await storage.close();
    const next = site.storage();
    const { snapshot, entries: log } = await next.open();
    expect([snapshot, log.length]).toEqual([null, 4]);
    expect([...level.image.keys()].filter((key) => key.startsWith(hex(Buffer.from("s"))))).toEqual([]);
  }
});

test("what a commit cannot remove, the next open removes", async () => {
  const { level, storage, site } = await opened();
  const kept = (letter: string): number =>
    [...level.image.keys()].filter((key) => key.startsWith(hex(Buffer.from(letter)))).length;
  for (const lastIncludedIndex of [1, 3]) {
    const sink = await storage.createSnapshot({ lastIncludedIndex, lastIncludedTerm: 1 });
    await sink.write(new Uint8Array(200_000).fill(lastIncludedIndex));
    refuse(level, lastIncludedIndex === 1 ? "e" : "s", "del");
    await sink.commit();
    level.failure = null;
    await storage.write(batch(vote(1, 1)));
  }
  expect([kept("e"), kept("m"), kept("s")]).toEqual([1, 1, 4]);
  await storage.close();
  const next = site.storage();
  const { entries: log } = await next.open();
  expect(log.map(({ index }) => index)).toEqual([4]);
  expect([kept("e"), kept("m"), kept("s")]).toEqual([1, 1, 2]);
  const stored = await next.readSnapshot();
  expect((await bytesIn(stored)).equals(Buffer.alloc(200_000, 3))).toBe(true);
});

test.each([
  ["a gap", batch({ entries: entries(6, 1, 1) }), "entry 6 comes where 5 was due"],
  [
    "a term that decreases",
    batch({ entries: entries(5, 0, 1) }),
    "entry 5 has term 0, lower than 1 before it",
  ],
  [
    "a term that is no number",
    batch({ entries: entries(5, Number.NaN, 1) }),
    "the term NaN of entry 5 is not valid",
  ],
  ["a vote below 0", batch(vote(1, -1)), "the vote -1 is not valid"],
  [
    "a truncation of nothing",
    batch({ truncateFrom: 0 }),
    "truncating from 0 is not possible: the log starts after 0",
  ],
  [
    "a command beside a configuration",
    batch({ entries: entries(5, 1, 1).map((entry) => ({ ...entry, configuration: { members: [] } })) }),
    "entry 5 has a command beside its configuration",
  ],
])("a write with %s is refused, changes nothing, and the next one goes on", async (_, bad, message) => {
  const { level, storage } = await opened();
  const before = level.operations.length;
  const refused = storage.write(bad);
  await expect(refused).rejects.toThrow(LevelUsageError);
  await expect(refused).rejects.toThrow(message);
  expect(level.operations.length).toBe(before);
  await storage.write(batch({ entries: entries(5, 1, 1) }));
});

test("calls out of turn are refused", async () => {
  const { storage } = await opened();
  await expect(storage.open()).rejects.toThrow("open has been called before");
  const sink = await storage.createSnapshot({ lastIncludedIndex: 1, lastIncludedTerm: 1 });
  await expect(storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 })).rejects.toThrow(
    "another snapshot",
  );
  await sink.commit();
  await expect(sink.write(new Uint8Array(1))).rejects.toThrow(LevelUsageError);
  await expect(sink.commit()).rejects.toThrow(LevelUsageError);
  await storage.close();
  await expect(storage.write(batch({}))).rejects.toThrow("the storage has been closed");
  await expect(storage.readSnapshot()).rejects.toThrow(LevelUsageError);
  expect(storage.size()).toBe(0);
  await expect(new LevelStorage({ db: new LevelDevice().database() }).write(batch({}))).rejects.toThrow(
    "not open",
  );
});
