import { CrashDisk, type DiskImage } from "@eraft/conformance";
import type { Entry } from "@eraft/core";
import { WalDamageError, WalStorage } from "../../src/index.ts";
import { decodeSegmentHeader } from "../../src/segment-format.ts";
import { scanRecords } from "../../src/segment-scan.ts";
import { type State, append, openState, snapshot, take, vote } from "../model.ts";
import { add } from "./explore.ts";
import { DIR } from "./life.ts";
import { nextConfiguration } from "./members.ts";
import { Random } from "./random.ts";

/** What a byte is for. The last three carry nothing that was promised to anybody. */
export type ByteRole =
  | "segment header"
  | "record header"
  | "payload"
  | "snapshot file"
  | "padding of a record"
  | "witness or seal"
  | "unwritten space";

const HARMLESS: ReadonlySet<ByteRole> = new Set([
  "padding of a record",
  "witness or seal",
  "unwritten space",
]);

export interface RotStore {
  readonly image: DiskImage;
  readonly state: State;
  readonly sizeBytes: number;
  readonly roles: ReadonlyMap<string, readonly ByteRole[]>;
}

/** A directory of several segments and a snapshot, as an orderly end leaves it, or as a kill does. */
export async function rotStore(seed: number, minBytes: number, closed: boolean): Promise<RotStore> {
  const random = new Random(seed);
  const disk = new CrashDisk();
  const storage = new WalStorage({ dir: DIR, segmentBytes: 8192, fileSystem: disk });
  await storage.open();
  let index = 0;
  const write = async (): Promise<void> => {
    const sizes = Array.from({ length: random.between(1, 6) }, () => random.below(500));
    const added = sizes.map((size, i): Entry => {
      const position = { index: index + 1 + i, term: 1 + Math.floor(index / 100) };
      return random.oneIn(10)
        ? { ...position, command: new Uint8Array(0), configuration: nextConfiguration(random) }
        : { ...position, command: random.bytes(size) };
    });
    index += sizes.length;
    await take(storage, append(...added));
  };
  for (let batches = 0; batches < 12; batches += 1) await write();
  await take(storage, snapshot(index - 2, 1, 9000, nextConfiguration(random)));
  while (bytesIn(disk.image()) < minBytes) await write();
  await take(storage, vote(99, 1));
  if (closed) await storage.close();
  const image = disk.image();
  const state = await openState(new WalStorage({ dir: DIR, fileSystem: new CrashDisk(image) }));
  const roles = new Map([...image].map(([path, bytes]) => [path, rolesOf(path, bytes)]));
  return { image, state, sizeBytes: bytesIn(image), roles };
}

/** Read from the file before anything is damaged. */
function rolesOf(path: string, bytes: Uint8Array): readonly ByteRole[] {
  if (path.endsWith(".snap")) return Array.from(bytes, (): ByteRole => "snapshot file");
  const roles = Array.from(bytes, (): ByteRole => "unwritten space");
  const header = decodeSegmentHeader(path, bytes);
  const { records, tail, end } = scanRecords(bytes, header);
  roles.fill("segment header", 0, 48);
  for (const record of records) {
    const payload = record.offset + 32;
    roles.fill("record header", record.offset, payload);
    roles.fill("payload", payload, payload + record.payload.length);
    roles.fill("padding of a record", payload + record.payload.length, record.end);
  }
  if (end.type === "witness" || end.type === "seal") roles.fill("witness or seal", tail, tail + 32);
  return roles;
}

/** Which part of the store to go through: every `step`th byte from `first` on. */
export interface RotJob {
  readonly first: number;
  readonly step: number;
  /** All eight bits are flipped, one by one, of one byte in so many; of the others one bit. */
  readonly allBitsOneIn: number;
}

/**
 * Flips bits of each byte, and cuts the file before it. Counts verdicts by what the byte is for, and throws as soon as damage is accepted,
 * something is changed by an open that refuses, or an alarm is raised where nothing is lost.
 */
export async function damageAll(
  store: RotStore,
  job: RotJob,
  random: Random,
  counts: Map<string, number>,
): Promise<void> {
  let position = 0;
  for (const [path, bytes] of store.image) {
    for (let at = 0; at < bytes.length; at += 1, position += 1) {
      if (position % job.step !== job.first) continue;
      const role = store.roles.get(path)?.[at] ?? "unwritten space";
      const expected = HARMLESS.has(role) ? "harmless" : "detected";
      const bits = random.oneIn(job.allBitsOneIn) ? [0, 1, 2, 3, 4, 5, 6, 7] : [random.below(8)];
      for (const bit of bits) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        const where = `bit ${bit} of byte ${at} of ${path} (${role}) flipped`;
        add(counts, `flip, ${role}: ${await verdict(store, path, flipped, expected, where)}`);
      }
      const where = `${path} cut to ${at} bytes`;
      add(counts, `cut: ${await verdict(store, path, bytes.slice(0, at), "detected", where)}`);
    }
  }
}

async function verdict(
  store: RotStore,
  path: string,
  bytes: Uint8Array,
  expected: "detected" | "harmless",
  where: string,
): Promise<string> {
  const disk = new CrashDisk(new Map([...store.image, [path, bytes]]));
  const found = await outcome(disk, store.state);
  if (found !== expected) throw new Error(`${where}: ${found}, where it should be ${expected}`);
  return found;
}

async function outcome(disk: CrashDisk, state: State): Promise<string> {
  try {
    const found = await openState(new WalStorage({ dir: DIR, segmentBytes: 8192, fileSystem: disk }));
    return found === state ? "harmless" : `WRONG, open restores\n${found}`;
  } catch (error) {
    if (!(error instanceof WalDamageError)) return `WRONG, ${String(error)}`;
    const changes = disk.operations.length;
    return changes === 0 ? "detected" : `WRONG, refused after ${changes} changes`;
  }
}

function bytesIn(image: DiskImage): number {
  return [...image.values()].reduce((sum, { length }) => sum + length, 0);
}
