import { expect, test } from "vitest";
import { WalStorage, dumpWal, openIdentity } from "../src/index.ts";
import type { DiskImage } from "@eraft/conformance";
import { CrashDisk } from "@eraft/conformance";
import type { Configuration } from "@eraft/core";
import { append, configured, entries, replace, snapshot, take, vote } from "./model.ts";
import { DIR, changed, filesOf, flipped, imageAfter, scratchDirectory } from "./scratch.ts";

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

async function dump(image: DiskImage): Promise<string[]> {
  const disk = new CrashDisk(image);
  const lines = await collect(dumpWal(DIR, disk));
  expect(disk.operations).toEqual([]);
  return lines;
}

const steps = [
  append(...entries(1, 1, 40, 40)),
  snapshot(1, 1, 90),
  {
    type: "write",
    batch: { hardState: { term: 2, votedFor: 3 }, truncateFrom: 2, entries: entries(2, 2, 10) },
  },
] as const;

test("each record is described at its offset, and the last line tells what open would do", async () => {
  const { image } = await imageAfter(steps, { close: true });
  expect(await dump(image)).toMatchInlineSnapshot(`
    [
      "wal-0000000000000001.log",
      "         0  segment 1, 1024 bytes",
      "        48  #1 checkpoint  term 0, vote none, no snapshot, log ends at 0 (term 0)",
      "       136  #2 batch  entries 1 to 2 (term 1, 80 bytes)",
      "       312  end; continued in the next segment",
      "wal-0000000000000002.log",
      "         0  segment 2, 1024 bytes",
      "        48  #3 checkpoint  term 0, vote none, no snapshot, log ends at 2 (term 1)",
      "       136  #4 snapshot  1 (term 1) committed, the log after it stays",
      "       192  #5 batch  term 2, vote 3, truncate from 2, entry 2 (term 2, 10 bytes)",
      "       288  end; everything before was durable",
      "snapshot-0000000000000001-0000000000000001.snap",
      "         0  snapshot 1 (term 1), 90 bytes, intact",
      "open restores: term 2, vote 3, snapshot 1 (term 1), entry 2 (term 2, 10 bytes)",
    ]
  `);
});

test("configurations are shown below what has them, and the last line tells who says the members", async () => {
  const two: Configuration = {
    members: [
      { id: 0, address: "n0:7000", standing: "voter", incarnation: "5f" },
      { id: 1, address: 'a"\u001b[2J', standing: "incoming", incarnation: null },
    ],
  };
  const nobody: Configuration = { members: [] };
  const some = [append(...entries(1, 1, 7), configured(2, 1, two)), snapshot(2, 1, 5, two)];
  const { image } = await imageAfter(some, { close: true });
  expect(await dump(image)).toMatchInlineSnapshot(`
    [
      "wal-0000000000000002.log",
      "         0  segment 2, 1024 bytes",
      "        48  #3 checkpoint  term 0, vote none, no snapshot, log ends at 2 (term 1)",
      "       136  #4 snapshot  2 (term 1) committed, the log after it stays",
      "       192  end; everything before was durable",
      "snapshot-0000000000000002-0000000000000001.snap",
      "         0  snapshot 2 (term 1), 5 bytes, intact",
      "              members 0 voter at "n0:7000", disk "5f"; 1 incoming at "a\\"\\u001b[2J"",
      "open restores: term 0, vote none, snapshot 2 (term 1), no entries, the members of the snapshot",
    ]
  `);
  const later = [...some, append(configured(3, 2, two), configured(4, 2, nobody))];
  const lines = await dump((await imageAfter(later, { close: true })).image);
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^ {14}entry 3: members 0 voter at/),
      "              entry 4: no members",
    ]),
  );
  expect(lines.at(-1)).toMatch(/entries 3 to 4 .*, the members of entry 4$/);
});

test("the identity comes first: whole, damaged, or without the log that it speaks for", async () => {
  const disk = new CrashDisk();
  const fresh = await openIdentity(DIR, { fileSystem: disk });
  const disks = `disk ${fresh.incarnation}`;
  expect(await dump(disk.image())).toEqual([
    "IDENTITY",
    `         0  ${disks} of no cluster yet, opened 1 times, without a log`,
    "open restores: term 0, vote none, no snapshot, no entries",
  ]);
  await fresh.adoptCluster('o"ne');
  const storage = new WalStorage({ dir: DIR, identity: fresh });
  await storage.open();
  await storage.close();
  const image = disk.image();
  expect((await dump(image))[1]).toBe(`         0  ${disks} of cluster "o\\"ne", opened 1 times, with a log`);
  const rotten = changed(image, `${DIR}/IDENTITY`, flipped(20));
  expect((await dump(rotten))[1]).toBe("         0  DAMAGE  the checksum does not match");
  const wiped = new Map([...image].filter(([path]) => path.endsWith("IDENTITY")));
  expect((await dump(wiped))[1]).toMatch(/DAMAGE {2}all segments are missing/);
});

test("damage is named where it is, what comes after it is still shown, and open's refusal is told", async () => {
  const { image } = await imageAfter([vote(1, 1), vote(2, 1), vote(3, 1)], { close: true });
  const damaged = changed(image, `${DIR}/wal-0000000000000001.log`, flipped(210));
  expect(await dump(damaged)).toMatchInlineSnapshot(`
    [
      "wal-0000000000000001.log",
      "         0  segment 1, 1024 bytes",
      "        48  #1 checkpoint  term 0, vote none, no snapshot, log ends at 0 (term 0)",
      "       136  #2 batch  term 1, vote 1",
      "       208  DAMAGE  record 3 is not intact, but record 4 at byte 280 is",
      "       280  #4 batch  term 3, vote 1",
      "       352  end; everything before was durable",
      "open refuses: /wal/wal-0000000000000001.log is damaged at byte 208: record 3 is not intact, but record 4 at byte 280 is",
    ]
  `);
});

test("a torn tail, a leftover, a damaged snapshot and a damaged header are told apart", async () => {
  const { image } = await imageAfter(steps, { close: true });
  const segment = `${DIR}/wal-0000000000000002.log`;
  const snap = `${DIR}/snapshot-0000000000000001-0000000000000001.snap`;
  const torn = changed(image, segment, (copy) => copy.fill(0, 256));
  expect((await dump(torn)).join("\n")).toMatch(/TORN.*\n[^]*dropping the torn tail$/);
  const leftover = new Map([...image, [`${snap}.tmp`, new Uint8Array(5)]]);
  expect((await dump(leftover)).join("\n")).toContain("incomplete, left by a crash");
  const rotten = changed(image, snap, flipped(50));
  expect((await dump(rotten)).join("\n")).toMatch(/40 {2}DAMAGE[^]*open refuses/);
  const header = changed(image, segment, flipped(33));
  expect((await dump(header)).join("\n")).toMatch(/ 0 {2}DAMAGE[^]*open refuses/);
});

test("a directory in use can be dumped; it is not changed, and its lock holds", async () => {
  const dir = scratchDirectory();
  const storage = new WalStorage({ dir, segmentBytes: 1024 });
  await storage.open();
  await take(storage, vote(1, 1));
  const before = filesOf(dir);
  const lines = await collect(dumpWal(dir));
  expect(lines.at(-1)).toBe("open restores: term 1, vote 1, no snapshot, no entries");
  expect(filesOf(dir)).toEqual(before);
  await expect(new WalStorage({ dir }).open()).rejects.toThrow("in use");
  await storage.close();
});

test("a directory that does not exist cannot be dumped", async () => {
  await expect(collect(dumpWal(`${scratchDirectory()}/none`))).rejects.toThrow("ENOENT");
});

test("replacing an entry shows as a truncation", async () => {
  const { image } = await imageAfter([append(...entries(1, 1, 5)), replace(1, ...entries(1, 2, 6))], {
    close: false,
  });
  expect((await dump(image)).join("\n")).toContain("truncate from 1, entry 1 (term 2, 6 bytes)");
});
