// What LevelDB makes of damaged files, and what this storage makes of that.
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelDamageError, LevelFailedError, LevelStorage } from "@eraft/storage-level";
import { ClassicLevel } from "classic-level";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { batch, bytesIn, entries, vote } from "./entries.ts";

/** LevelDB reads its logs in blocks, and skips the rest of one in which something is wrong. */
const LOG_BLOCK_BYTES = 32_768;

let sound = "";
let opened = "";
let contents = "";

async function read(dir: string): Promise<string> {
  const storage = new LevelStorage({ db: new ClassicLevel(dir) });
  try {
    const { hardState, snapshot, entries: log } = await storage.open();
    const bytes = snapshot === null ? Buffer.alloc(0) : await bytesIn(await storage.readSnapshot());
    const commands = log.map(({ index, term, command }) => [
      index,
      term,
      Buffer.from(command).toString("latin1"),
    ]);
    return JSON.stringify([hardState, snapshot, commands, bytes.toString("latin1")]);
  } finally {
    await storage.close();
  }
}

function copyOf(original: string): string {
  const dir = mkdtempSync(join(tmpdir(), "eraft-level-rot-"));
  cpSync(original, dir, { recursive: true });
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

function flip(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(position) ^ 0x10, position);
  writeFileSync(path, bytes);
}

function largest(dir: string, extension: string): string {
  const paths = readdirSync(dir)
    .filter((name) => name.endsWith(extension))
    .map((name) => join(dir, name));
  const [path] = paths.toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (path === undefined) throw new Error(`no file *${extension}`);
  return path;
}

/** What an open finds after a bit was flipped there: "same", "refused", or what else. */
async function outcome(dir: string, path: string, position: number): Promise<string> {
  flip(path, position);
  try {
    const found = await read(dir);
    return found === contents ? "same" : `believed at byte ${position}`;
  } catch (error) {
    const isTyped = error instanceof LevelDamageError || error instanceof LevelFailedError;
    return isTyped ? "refused" : `${String(error)} at byte ${position}`;
  }
}

beforeAll(async () => {
  sound = mkdtempSync(join(tmpdir(), "eraft-level-rot-"));
  const storage = new LevelStorage({ db: new ClassicLevel(sound, { compression: false }) });
  await storage.open();
  for (let index = 1; index <= 60; index += 1) {
    await storage.write(batch({ ...vote(index, index % 3), entries: entries(index, index, 2000) }));
    if (index % 20 === 0)
      await storage.write(batch({ truncateFrom: index, entries: entries(index, index, 900) }));
  }
  const sink = await storage.createSnapshot({ lastIncludedIndex: 20, lastIncludedTerm: 20 });
  await sink.write(new Uint8Array(150_000).fill(7));
  await sink.commit();
  for (let index = 61; index <= 90; index += 1) {
    await storage.write(batch({ ...vote(index, index % 3), entries: entries(index, index, 2000) }));
  }
  await storage.close();
  // Opening has LevelDB turn its log into a table.
  opened = `${sound}-opened`;
  cpSync(sound, opened, { recursive: true });
  contents = await read(opened);
  return () => {
    for (const dir of [sound, opened]) rmSync(dir, { recursive: true });
  };
});

test("a flipped bit anywhere in LevelDB's log, but in its last block, is refused or changes nothing", async () => {
  const size = readFileSync(largest(sound, ".log")).length;
  const end = Math.floor(size / LOG_BLOCK_BYTES) * LOG_BLOCK_BYTES;
  expect(end).toBeGreaterThan(8 * LOG_BLOCK_BYTES);
  const outcomes: string[] = [];
  for (let position = 5; position < end; position += 4_999) {
    const dir = copyOf(sound);
    outcomes.push(await outcome(dir, largest(dir, ".log"), position));
  }
  expect(outcomes.filter((what) => what !== "same" && what !== "refused")).toEqual([]);
  expect(outcomes.filter((what) => what === "refused").length).toBeGreaterThan(20);
});

test("a flipped bit anywhere in a table of LevelDB is refused or changes nothing", async () => {
  const outcomes: string[] = [];
  const size = readFileSync(largest(opened, ".ldb")).length;
  // All over it, and densely at its end, where its index is.
  const positions = Array.from({ length: 60 }, (_, i) => Math.floor((i * size) / 60));
  const last = Array.from({ length: 40 }, (_, i) => size - 1 - 13 * i);
  for (const position of [...positions, ...last]) {
    const dir = copyOf(opened);
    outcomes.push(await outcome(dir, largest(dir, ".ldb"), position));
  }
  expect(outcomes.filter((what) => what !== "same" && what !== "refused")).toEqual([]);
  expect(outcomes.filter((what) => what === "refused").length).toBeGreaterThan(40);
});
