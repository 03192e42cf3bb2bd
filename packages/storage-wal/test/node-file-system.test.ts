// What reaches the system's calls: a disk in memory cannot tell whether fdatasync is really called.
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { nodeFileSystem } from "../src/index.ts";
import { scratchDirectory } from "./scratch.ts";

vi.mock("node:fs", { spy: true });

beforeEach(() => {
  vi.resetAllMocks();
});

type Done = (error: NodeJS.ErrnoException | null) => void;

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

test("sync is fdatasync, and resolves only when that has", async () => {
  const file = nodeFileSystem.open(join(scratchDirectory(), "file"), "create");
  const calls: { fd: number; done: Done }[] = [];
  vi.mocked(fs.fdatasync).mockImplementation((fd, done) => void calls.push({ fd, done }));
  let isSynced = false;
  const synced = file.sync().then(() => (isSynced = true));
  const [call] = calls;
  expect(calls).toHaveLength(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isSynced).toBe(false);
  expect(call?.fd).toBe(vi.mocked(fs.openSync).mock.results.at(-1)?.value);
  call?.done(null);
  await synced;
  file.close();
});

test("a failed fdatasync is an error", async () => {
  const file = nodeFileSystem.open(join(scratchDirectory(), "file"), "create");
  vi.mocked(fs.fdatasync).mockImplementation((_fd, done) => done(systemError("EIO")));
  await expect(file.sync()).rejects.toThrow("EIO");
  file.close();
});

test("syncDirectory is an fsync of the directory, whose failure is an error and leaves nothing open", async () => {
  const dir = scratchDirectory();
  await nodeFileSystem.syncDirectory(dir);
  expect(vi.mocked(fs.openSync)).toHaveBeenLastCalledWith(dir, "r");
  expect(vi.mocked(fs.fsync)).toHaveBeenCalledTimes(1);
  vi.mocked(fs.fsync).mockImplementation((_fd, done) => done(systemError("EIO")));
  await expect(nodeFileSystem.syncDirectory(dir)).rejects.toThrow("EIO");
  expect(vi.mocked(fs.closeSync)).toHaveBeenCalledTimes(2);
});

test("each directory that had to be made gets a durable name, the outermost in a directory that was there", async () => {
  const dir = scratchDirectory();
  await nodeFileSystem.makeDirectory(join(dir, "a", "b"));
  const synced = vi.mocked(fs.openSync).mock.calls.map(([path]) => path);
  expect(synced).toEqual([join(dir, "a"), dir]);
  expect(vi.mocked(fs.fsync)).toHaveBeenCalledTimes(2);
});

test("what the system takes and gives in parts is written and read whole", async () => {
  const file = nodeFileSystem.open(join(scratchDirectory(), "file"), "create");
  const { writeSync } = await vi.importActual<typeof fs>("node:fs");
  let writes = 0;
  vi.mocked(fs.writeSync).mockImplementation(((
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => {
    writes += 1;
    return writeSync(fd, bytes, offset, Math.min(length, 3), position);
  }) as typeof fs.writeSync);
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  file.write(bytes, 4);
  expect(writes).toBe(3);
  expect(file.sizeBytes()).toBe(12);
  const target = new Uint8Array(8);
  expect(await file.read(target, 4)).toBe(8);
  expect(target).toEqual(bytes);
  file.close();
});
