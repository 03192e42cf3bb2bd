import * as nodeFs from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashDisk, type SyncFileSystem, crashImages, syncFileSystem } from "@eraft/conformance";
import { expect, onTestFinished, test } from "vitest";

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** What may be left at the very end, each file as text. */
function leftOf(disk: CrashDisk, sectorBytes = 4): string[] {
  const last = disk.operations.length;
  const images = [...crashImages(disk, { sectorBytes, exhaustiveUnits: 7, from: last })];
  return images
    .map(({ image }) =>
      [...image].map(([path, content]) => `${path}=${Buffer.from(content).toString()}`).join(" "),
    )
    .toSorted();
}

test("of what was not synced any subset of sectors may be left", () => {
  const disk = new CrashDisk(new Map([["/d/a", bytes("old")]]));
  disk.open("/d/a", "write").write(bytes("12345678"), 0);
  // The size goes with the last sector that was written; what was not written in between is as before, or zero.
  expect(leftOf(disk)).toEqual(["/d/a=1234", "/d/a=12345678", "/d/a=old", "/d/a=old\u00005678"]);
});

test("what was synced is left, of file and directory each on its own", async () => {
  const disk = new CrashDisk();
  const file = disk.open("/d/new", "create");
  file.write(bytes("x"), 0);
  await file.sync();
  expect(leftOf(disk)).toEqual(["", "/d/new=x"]);
  await disk.syncDirectory();
  expect(leftOf(disk)).toEqual(["/d/new=x"]);
  disk.rename("/d/new", "/d/final");
  expect(leftOf(disk)).toEqual(["/d/final=x", "/d/new=x"]);
  disk.remove("/d/final");
  expect(leftOf(disk)).toEqual(["", "/d/final=x", "/d/new=x"]);
});

test("a file that is renamed without a sync may be empty under its new name", async () => {
  const disk = new CrashDisk(new Map([["/d/a", bytes("old")]]));
  disk.open("/d/a.new", "create").write(bytes("new"), 0);
  disk.rename("/d/a.new", "/d/a");
  await disk.syncDirectory();
  expect(leftOf(disk)).toEqual(["/d/a=", "/d/a=new"]);
});

test("crashes are enumerated before the first operation, between any two, and after the last", () => {
  const disk = new CrashDisk();
  const file = disk.open("/d/a", "create");
  file.write(bytes("1"), 0);
  void file.sync();
  const points = new Set([...crashImages(disk)].map(({ after }) => after));
  expect([...points]).toEqual([0, 1, 2, 3]);
});

test("a lock is held by one, until it is released or its process dies", () => {
  const disk = new CrashDisk();
  const lock = disk.lock("/d/LOCK");
  expect(disk.lock("/d/LOCK")).toBeNull();
  lock?.release();
  expect(disk.lock("/d/LOCK")).not.toBeNull();
  disk.releaseLocks();
  expect(disk.lock("/d/LOCK")).not.toBeNull();
});

/** Uses everything that the interface has, and tells what it saw. */
function script(fs: SyncFileSystem, directory: string): unknown[] {
  const [a, b] = [join(directory, "a"), join(directory, "b")];
  const seen: unknown[] = [fs.existsSync(a)];
  const attempt = (work: () => unknown): void => {
    try {
      work();
      seen.push("no error");
    } catch (error) {
      seen.push((error as NodeJS.ErrnoException).code);
    }
  };
  const read = (path: string): void => void seen.push(Buffer.from(fs.readFileSync(path)).toString());
  attempt(() => fs.readFileSync(a));
  attempt(() => fs.openSync(a, "r+"));
  attempt(() => fs.renameSync(a, b));
  attempt(() => fs.unlinkSync(a));
  fs.writeFileSync(a, bytes("whole"), { flush: true });
  read(a);
  const fd = fs.openSync(a, "w");
  fs.writeFileSync(fd, bytes("0123"));
  seen.push(fs.writeSync(fd, bytes("abcdef"), 1, 3));
  seen.push(fs.writeSync(fd, bytes("XY"), 0, 2, 1));
  fs.fsyncSync(fd);
  read(a);
  fs.ftruncateSync(fd, 3);
  fs.closeSync(fd);
  attempt(() => fs.closeSync(fd));
  attempt(() => fs.fsyncSync(fd));
  const appending = fs.openSync(a, "a");
  fs.writeSync(appending, bytes("+more"));
  fs.closeSync(appending);
  read(a);
  const patching = fs.openSync(a, "r+");
  fs.writeSync(patching, bytes("!"));
  fs.closeSync(patching);
  fs.renameSync(a, b);
  seen.push(fs.existsSync(a), fs.existsSync(b));
  read(b);
  const parent = fs.openSync(directory, "r");
  fs.fsyncSync(parent);
  fs.closeSync(parent);
  fs.unlinkSync(b);
  seen.push(fs.existsSync(b));
  return seen;
}

test("the disk does what node:fs does", () => {
  const directory = mkdtempSync(join(tmpdir(), "eraft-conformance-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const expected = script(nodeFs, directory);
  expect(script(syncFileSystem(new CrashDisk()), "/data")).toEqual(expected);
  expect(expected).toContain("ENOENT");
});
