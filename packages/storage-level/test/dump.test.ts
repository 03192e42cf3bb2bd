import {
  type LevelDatabase,
  LevelLockedError,
  LevelStorage,
  dumpLevel,
  openLevelIdentity,
} from "@eraft/storage-level";
import { expect, test } from "vitest";
import { LevelDevice, hex } from "./crash-level.ts";
import { batch, entries, vote } from "./entries.ts";

const CONFIGURATION = {
  members: [{ id: 0, address: "a\u001b:1", standing: "voter", incarnation: "d0" } as const],
};

async function filled(): Promise<LevelDevice> {
  const level = new LevelDevice();
  const db = level.database();
  const identity = await openLevelIdentity(db);
  await identity.adoptCluster("one");
  const storage = new LevelStorage({ db, identity });
  await storage.open();
  await storage.write(batch({ ...vote(2, 1), entries: [...entries(1, 1, 5, 5), ...entries(3, 2, 7, 7)] }));
  const sink = await storage.createSnapshot({
    lastIncludedIndex: 1,
    lastIncludedTerm: 1,
    configuration: CONFIGURATION,
  });
  await sink.write(new Uint8Array(200_000));
  await sink.commit();
  const command = new Uint8Array(0);
  await storage.write(
    batch({ entries: [{ index: 5, term: 2, command, configuration: CONFIGURATION }, ...entries(6, 2, 9)] }),
  );
  await storage.close();
  return level;
}

async function linesOf(db: LevelDatabase): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of dumpLevel(db)) lines.push(line.replace(/disk [0-9a-f]{32}/, "disk D"));
  return lines;
}

const MEMBERS = String.raw`  members 0 voter at "a\u001b:1", disk "d0"`;

test("a dump tells of every record but chunks, and changes none", async () => {
  const level = await filled();
  const before = level.operations.length;
  expect(await linesOf(level.database())).toEqual([
    'identity  disk D, started 1 times, cluster "one"',
    "first head  batch 3: term 2, vote 1, snapshot 1 (term 1) of generation 1, log ends at 6",
    "second head  batch 3: term 2, vote 1, snapshot 1 (term 1) of generation 1, log ends at 6",
    "snapshot  1 (term 1), 200000 bytes in 2 chunks",
    MEMBERS,
    "entry 2  term 1, 5 bytes",
    "entries 3 to 5  term 2, 14 bytes",
    MEMBERS,
    "entry 6  term 2, 9 bytes",
    "open  would give 5 entries after 1",
  ]);
  expect(level.operations.length).toBe(before);
});

test("a dump goes on behind damage, and says what open would do", async () => {
  const level = await filled();
  const key = Buffer.from("650000000000000003", "hex");
  const value = Buffer.from(level.image.get(hex(key)) ?? "", "hex");
  value.writeUInt8(1, 30);
  level.tamper(key, value);
  level.tamper(Buffer.from("z"), null);
  const lines = await linesOf(level.database());
  expect(lines).toContain("second head  none");
  expect(lines).toContain(
    "entry  DAMAGED or of a later version: the database is damaged: entry 3 of the log does not match its checksum, or does not follow from the one before",
  );
  expect(lines).toContain("entries 4 to 5  term 2, 7 bytes");
  expect(lines.at(-1)).toBe(
    "open  would refuse: ERAFT_LEVEL_DAMAGE, the database is damaged: the second head is missing",
  );
});

test("an empty database, and one in use", async () => {
  const level = new LevelDevice();
  expect(await linesOf(level.database())).toEqual([
    "identity  none",
    "first head  none",
    "second head  none",
    "open  would begin an empty log",
  ]);
  const storage = new LevelStorage({ db: level.database() });
  await storage.open();
  await expect(linesOf(level.database())).rejects.toThrow(LevelLockedError);
});
