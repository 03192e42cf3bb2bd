// Compares the storages that survive a crash. Run: node -C @eraft/source apps/node/bench/storages.ts [directory]
import type { Storage } from "@eraft/core";
import { LevelStorage } from "@eraft/storage-level";
import { WalStorage } from "@eraft/storage-wal";
import { ClassicLevel } from "classic-level";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const APPEND_MS = 3000;
const COMMAND_BYTES = 128;
/** Commands begin at different places in it: LevelDB compresses, and the same command a million times would flatter it. */
const NOISE = randomBytes(1_000_000);
const PER_BATCH = [1, 10, 100, 1000];
const LOGS = [100_000, 1_000_000];
const SNAPSHOT_MEGABYTES = 64;

const STORAGES: Readonly<Record<string, (dir: string) => Storage>> = {
  wal: (dir) => new WalStorage({ dir }),
  level: (dir) => new LevelStorage({ db: new ClassicLevel(dir) }),
};

const parent = process.argv[2] ?? tmpdir();

async function inDirectory<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(parent, "eraft-bench-"));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Appends `count` entries that follow `last`. */
async function append(storage: Storage, last: number, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => {
    const from = ((last + i) * 7919) % (NOISE.length - COMMAND_BYTES);
    return { index: last + 1 + i, term: 1, command: NOISE.subarray(from, from + COMMAND_BYTES) };
  });
  await storage.write({ hardState: null, truncateFrom: null, entries });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** What the files take, blocks that were never written not counted. */
function bytesOnDisk(dir: string): number {
  return readdirSync(dir)
    .map((name) => statSync(join(dir, name)).blocks * 512)
    .reduce((sum, bytes) => sum + bytes, 0);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const seconds = (time: number): string => `${time.toFixed(2)} s`;

async function appends(make: (dir: string) => Storage, perBatch: number): Promise<string> {
  return inDirectory(async (dir) => {
    const storage = make(dir);
    await storage.open();
    let batches = 0;
    const start = performance.now();
    while (performance.now() - start < APPEND_MS) {
      await append(storage, batches * perBatch, perBatch);
      batches += 1;
    }
    const rate = batches / ((performance.now() - start) / 1000);
    await storage.close();
    return `${Math.round(rate)} batches/s, ${Math.round(rate * perBatch)} entries/s`;
  });
}

async function opening(make: (dir: string) => Storage, count: number): Promise<string> {
  return inDirectory(async (dir) => {
    const first = make(dir);
    await first.open();
    for (let last = 0; last < count; last += 1000) await append(first, last, 1000);
    const before = bytesOnDisk(dir);
    await first.close();
    const times: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const storage = make(dir);
      let found = 0;
      times.push(
        await timed(async () => {
          found = (await storage.open()).entries.length;
        }),
      );
      if (found !== count) throw new Error(`${found} entries instead of ${count}`);
      await storage.close();
    }
    const sizes = `${megabytes(before)} on disk while open, ${megabytes(bytesOnDisk(dir))} after the openings`;
    return `opens in ${times.map(seconds).join(", ")}; ${sizes}`;
  });
}

async function snapshot(make: (dir: string) => Storage): Promise<string> {
  return inDirectory(async (dir) => {
    const storage = make(dir);
    await storage.open();
    const chunk = new Uint8Array(65_536).map((_, i) => (i * 2_654_435_761) >>> 13);
    const written = await timed(async () => {
      const sink = await storage.createSnapshot({ lastIncludedIndex: 1, lastIncludedTerm: 1 });
      for (let i = 0; i < SNAPSHOT_MEGABYTES * 16; i += 1) await sink.write(chunk);
      await sink.commit();
    });
    let bytes = 0;
    const read = await timed(async () => {
      const stored = await storage.readSnapshot();
      if (stored !== null) for await (const { length } of stored.chunks) bytes += length;
    });
    if (bytes !== SNAPSHOT_MEGABYTES * 2 ** 20) throw new Error(`${bytes} bytes read`);
    await storage.close();
    return `written in ${seconds(written)}, read in ${seconds(read)}`;
  });
}

/** One after the other for each figure: on a machine that is busy with other things, too, the two can be compared. */
async function both(
  what: string,
  measure: (make: (dir: string) => Storage) => Promise<string>,
): Promise<void> {
  for (const [name, make] of Object.entries(STORAGES))
    console.log(`${what}: ${name}: ${await measure(make)}`);
}

console.log(`one writer, commands of ${COMMAND_BYTES} bytes, in ${parent}`);
for (const count of PER_BATCH) await both(`${count} entries a batch`, (make) => appends(make, count));
for (const count of LOGS) await both(`${count} entries`, (make) => opening(make, count));
await both(`a snapshot of ${SNAPSHOT_MEGABYTES} MiB`, snapshot);
