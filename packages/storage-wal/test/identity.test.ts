import { readdirSync } from "node:fs";
import { crc32 } from "node:zlib";
import { CrashDisk, type DiskImage } from "@eraft/conformance";
import { expect, test } from "vitest";
import type { StoredIdentity } from "../src/index.ts";
import {
  WalDamageError,
  WalFailedError,
  WalFormatError,
  WalIdentityDamageError,
  WalLockedError,
  WalOtherClusterError,
  WalStorage,
  WalUsageError,
  openIdentity,
} from "../src/index.ts";
import { faulty, systemError } from "./faulty-disk.ts";
import { append, entries, openState, take, vote } from "./model.ts";
import { DIR, changed, filesOf, imageAfter, onDisk, scratchDirectory } from "./scratch.ts";

const FILE = `${DIR}/IDENTITY`;

/** What it says, as a value that stays. */
function said({ clusterId, incarnation, starts }: StoredIdentity) {
  return { clusterId, incarnation, starts };
}

/** Opens the identity on a disk in memory and lets go of it. */
async function saidBy(disk: CrashDisk) {
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await identity.close();
  return said(identity);
}

/** The disk of a server that belongs to a cluster and has stored a vote. */
async function settledImage(clusterId = "one"): Promise<DiskImage> {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await identity.adoptCluster(clusterId);
  const storage = new WalStorage({ dir: DIR, identity, segmentBytes: 512 });
  await storage.open();
  await take(storage, vote(3, 1));
  await storage.close();
  return disk.image();
}

test("an empty directory gets an incarnation, and keeps it from start to start", async () => {
  const dir = `${scratchDirectory()}/a/b`;
  const first = await openIdentity(dir);
  expect(said(first)).toEqual({
    clusterId: null,
    incarnation: expect.stringMatching(/^[0-9a-f]{32}$/),
    starts: 1,
  });
  await first.close();
  for (const starts of [2, 3]) {
    const again = await openIdentity(dir);
    expect(said(again)).toEqual({ ...said(first), starts });
    await again.close();
  }
  const other = await openIdentity(scratchDirectory());
  expect(other.incarnation).not.toBe(first.incarnation);
  await other.close();
});

test("a directory with a log from before there were identities gets one, and keeps its log", async () => {
  const { image, state } = await imageAfter([vote(1, 2), append(...entries(1, 1, 20))], { close: true });
  const disk = new CrashDisk(image);
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const storage = new WalStorage({ dir: DIR, identity });
  expect(await openState(storage)).toBe(state);
  await storage.close();
  expect(await saidBy(disk)).toEqual({ ...said(identity), starts: 2 });
});

test("a directory moves to another cluster when it is told to, with its incarnation and its log", async () => {
  const disk = new CrashDisk(await settledImage("one"));
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const { incarnation, starts } = said(identity);
  await expect(identity.moveToCluster("")).rejects.toThrow(WalUsageError);
  await identity.moveToCluster("one/1");
  expect(said(identity)).toEqual({ clusterId: "one/1", incarnation, starts });
  await expect(identity.adoptCluster("one")).rejects.toThrow(WalOtherClusterError);
  const storage = new WalStorage({ dir: DIR, identity });
  expect((await storage.open()).hardState).toEqual({ term: 3, votedFor: 1 });
  await storage.close();
  expect(await saidBy(disk)).toEqual({ clusterId: "one/1", incarnation, starts: starts + 1 });
});

test("a directory is adopted once, and never by another cluster", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await identity.adoptCluster("zoë/例え");
  expect(identity.clusterId).toBe("zoë/例え");
  const before = disk.operations.length;
  await identity.adoptCluster("zoë/例え");
  const refused = identity.adoptCluster("zoe");
  await expect(refused).rejects.toThrow(WalOtherClusterError);
  await expect(refused).rejects.toMatchObject({
    code: "ERAFT_WAL_OTHER_CLUSTER",
    dir: DIR,
    stored: "zoë/例え",
    asked: "zoe",
  });
  expect(disk.operations.length).toBe(before);
  await identity.close();
  expect(await saidBy(disk)).toMatchObject({ clusterId: "zoë/例え", starts: 2 });
  const again = await openIdentity(DIR, { fileSystem: disk });
  await expect(again.adoptCluster("zoe")).rejects.toThrow(WalOtherClusterError);
  await again.close();
});

test("of two clusters that would adopt it at the same time the first one does", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const results = await Promise.allSettled(["one", "two"].map((id) => identity.adoptCluster(id)));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  await identity.close();
  expect((await saidBy(disk)).clusterId).toBe("one");
});

test.each([
  ["an empty one", ""],
  ["one that is too long", "x".repeat(256)],
  ["one that is too long in UTF-8", "é".repeat(128)],
  ["half of a surrogate pair", "\ud800"],
  ["none", null as unknown as string],
])("%s is no cluster id, and the longest is one", async (_what, clusterId) => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await expect(identity.adoptCluster(clusterId)).rejects.toThrow(WalUsageError);
  expect(identity.clusterId).toBeNull();
  const longest = `${"é".repeat(127)}x`;
  await identity.adoptCluster(longest);
  await identity.close();
  expect((await saidBy(disk)).clusterId).toBe(longest);
});

test("renew gives another incarnation, whose first start this is; cluster and log stay", async () => {
  const disk = new CrashDisk(await settledImage());
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const before = said(identity);
  expect(before).toMatchObject({ clusterId: "one", starts: 2 });
  await identity.renew();
  const renewed = said(identity);
  expect(renewed).toMatchObject({ clusterId: "one", starts: 1 });
  expect(renewed.incarnation).toMatch(/^[0-9a-f]{32}$/);
  expect(renewed.incarnation).not.toBe(before.incarnation);
  const storage = new WalStorage({ dir: DIR, identity });
  expect((await storage.open()).hardState).toEqual({ term: 3, votedFor: 1 });
  await storage.close();
  expect(await saidBy(disk)).toEqual({ ...renewed, starts: 2 });
});

test("a directory whose log is gone is refused, since its identity speaks for the promises in it", async () => {
  const image = await settledImage();
  const wiped = new CrashDisk(new Map([...image].filter(([path]) => !path.includes("/wal-"))));
  await expect(openIdentity(DIR, { fileSystem: wiped })).rejects.toThrow(WalDamageError);
  await expect(openIdentity(DIR, { fileSystem: wiped })).rejects.toMatchObject({
    file: `${DIR}/wal-0000000000000001.log`,
    what: expect.stringContaining("says that there was a log"),
  });
  expect(wiped.operations).toEqual([]);
  // Without the identity as well it is an empty directory.
  const empty = new CrashDisk(new Map([...wiped.image()].filter(([path]) => path !== FILE)));
  expect(await saidBy(empty)).toMatchObject({ clusterId: null, starts: 1 });
});

test("every bit counts: an identity with one flipped, or that was cut or has grown, is refused and not changed", async () => {
  const image = await settledImage();
  const bytes = image.get(FILE) ?? new Uint8Array(0);
  const spoiled = [
    ...Array.from({ length: bytes.length * 8 }, (_, bit) =>
      changed(image, FILE, (copy) => {
        const at = Math.floor(bit / 8);
        copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
        return copy;
      }),
    ),
    ...Array.from({ length: bytes.length }, (_, size) =>
      changed(image, FILE, (copy) => copy.subarray(0, size)),
    ),
    changed(image, FILE, (copy) => new Uint8Array([...copy, 0])),
    changed(image, FILE, (copy) => new Uint8Array([...copy, ...new Uint8Array(5000)])),
  ];
  expect(spoiled.length).toBeGreaterThan(400);
  for (const one of spoiled) {
    const disk = new CrashDisk(one);
    await expect(openIdentity(DIR, { fileSystem: disk })).rejects.toThrow(WalIdentityDamageError);
    expect(disk.operations).toEqual([]);
  }
  const [first = image] = spoiled;
  await expect(openIdentity(DIR, { fileSystem: new CrashDisk(first) })).rejects.toMatchObject({
    code: "ERAFT_WAL_IDENTITY_DAMAGE",
    file: FILE,
    offset: 0,
  });
});

test("an identity of a later version is refused as such", async () => {
  const later = changed(await settledImage(), FILE, (bytes) => {
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
    return bytes;
  });
  const disk = new CrashDisk(later);
  await expect(openIdentity(DIR, { fileSystem: disk })).rejects.toThrow(WalFormatError);
  expect(disk.operations).toEqual([]);
});

test("whichever operation of an openIdentity fails, it says so and lets go of the directory", async () => {
  const image = await settledImage();
  const failedAt = async (failing: number) => {
    const disk = new CrashDisk(image);
    let number = 0;
    const fileSystem = faulty(disk, () => (number++ === failing ? systemError("EIO") : null));
    const error = await openIdentity(DIR, { fileSystem }).then(
      async (identity) => identity.close(),
      (reason: unknown) => reason,
    );
    return { error, next: await saidBy(disk) };
  };
  // Open and read; create, write, sync, rename, sync the directory.
  for (let failing = 0; failing < 7; failing += 1) {
    const { error, next } = await failedAt(failing);
    expect(error).toBeInstanceOf(WalFailedError);
    expect(error).toMatchObject({ cause: { code: "EIO" } });
    // A number that nobody heard may be left out.
    expect([2, 3]).toContain(next.starts);
  }
  expect(await failedAt(7)).toMatchObject({ error: undefined, next: { starts: 3 } });
});

test("a change that fails changes nothing that is told, and is the last one until the next start", async () => {
  for (const point of ["create", "write", "sync", "rename", "syncDirectory"]) {
    const disk = new CrashDisk();
    let isFailing = false;
    const fileSystem = faulty(disk, (at) => (isFailing && at === point ? systemError("ENOSPC") : null));
    const identity = await openIdentity(DIR, { fileSystem });
    const before = said(identity);
    isFailing = true;
    await expect(identity.adoptCluster("one")).rejects.toMatchObject({
      code: "ERAFT_WAL_FAILED",
      cause: { code: "ENOSPC" },
    });
    isFailing = false;
    expect(said(identity)).toEqual(before);
    for (const change of [identity.adoptCluster("two"), identity.renew()]) {
      await expect(change).rejects.toThrow(WalFailedError);
    }
    await identity.close();
    const { clusterId } = await saidBy(disk);
    expect(point === "syncDirectory" ? ["one", null] : [null]).toContain(clusterId);
  }
});

test("dir must not be empty", async () => {
  await expect(openIdentity("")).rejects.toThrow(WalUsageError);
});

test("an identity leaves one file behind, and a storage without one leaves it alone", async () => {
  const dir = scratchDirectory();
  const identity = await openIdentity(dir);
  await identity.adoptCluster("one");
  await identity.renew();
  expect([...filesOf(dir).keys()]).toEqual(["IDENTITY"]);
  await identity.close();
  const before = filesOf(dir).get("IDENTITY");
  const storage = new WalStorage({ dir });
  await storage.open();
  await storage.close();
  expect(filesOf(dir).get("IDENTITY")).toEqual(before);
  expect(readdirSync(dir)).not.toContain("IDENTITY.tmp");
});

test("what a crash left of a change is not in the way of the next one", async () => {
  const disk = new CrashDisk(new Map([[`${FILE}.tmp`, new Uint8Array(3000).fill(7)]]));
  expect(await saidBy(disk)).toMatchObject({ starts: 1 });
  expect(disk.list(DIR)).toEqual(["IDENTITY"]);
});

test("a storage is opened with the identity of its own directory, and no other", async () => {
  const identity = await openIdentity(DIR, { fileSystem: new CrashDisk() });
  expect(() => new WalStorage({ dir: "/elsewhere", identity })).toThrow(WalUsageError);
  const copy = { ...said(identity), dir: DIR } as StoredIdentity;
  expect(() => new WalStorage({ dir: DIR, identity: copy })).toThrow(WalUsageError);
  // The same directory by another spelling.
  const storage = new WalStorage({ dir: `${DIR}/./`, identity });
  await storage.open();
  await storage.close();
});

test("the lock is the same for both: who has the directory by one of them has it alone", async () => {
  const disk = new CrashDisk();
  const storage = onDisk(disk);
  await storage.open();
  const before = disk.operations.length;
  const refused = openIdentity(DIR, { fileSystem: disk });
  await expect(refused).rejects.toThrow(WalLockedError);
  await expect(refused).rejects.toMatchObject({ dir: DIR });
  expect(disk.operations.length).toBe(before);
  await storage.close();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await expect(openIdentity(DIR, { fileSystem: disk })).rejects.toThrow(WalLockedError);
  await expect(onDisk(disk).open()).rejects.toThrow(WalLockedError);
  await identity.close();
  expect(await saidBy(disk)).toMatchObject({ starts: 2 });
});
