import type { Entry } from "@eraft/core";
import { join } from "node:path";
import { describeConfiguration, describeEntries, describeRecord } from "./describe.ts";
import { WalDamageError, WalFormatError, WalIdentityDamageError } from "./errors.ts";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import type { SnapshotFile } from "./names.ts";
import { readIdentity } from "./identity-file.ts";
import { IDENTITY_NAME, sortNames } from "./names.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import type { DirectoryState } from "./read-directory.ts";
import { readDirectory } from "./read-directory.ts";
import { decodeSegmentHeader } from "./segment-format.ts";
import type { ScanEnd } from "./segment-scan.ts";
import { scanRecords } from "./segment-scan.ts";
import type { VerifiedSnapshot } from "./snapshot-reader.ts";
import { verifySnapshot } from "./snapshot-reader.ts";

/**
 * Describes a directory of `WalStorage` line by line: each file, each record with its byte offset, each damage, and last what `open`
 * would do. Changes nothing and takes no lock, so it works on a directory that is damaged or in use; what a server writes
 * meanwhile may then look torn. Rejects if the directory cannot be read at all.
 */
export async function* dumpWal(
  dir: string,
  fs: WalFileSystem = nodeFileSystem,
): AsyncGenerator<string, void, undefined> {
  const names = fs.list(dir);
  if (names.includes(IDENTITY_NAME)) {
    yield IDENTITY_NAME;
    yield* guarded(describeIdentity(fs, dir));
  }
  const { segments, snapshots, temporary } = sortNames(names);
  for (const { name } of segments) {
    yield name;
    yield* guarded(describeSegment(fs, join(dir, name)));
  }
  for (const snapshot of snapshots) {
    yield snapshot.name;
    yield* guarded(describeSnapshot(fs, dir, snapshot));
  }
  for (const name of temporary) yield `${name}  incomplete, left by a crash; open removes it`;
  yield await verdict(fs, dir);
}

/** Turns what one file throws into a line about that file. */
async function* guarded(lines: AsyncGenerator<string, void, undefined>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (error) {
    const isDamage = error instanceof WalDamageError || error instanceof WalIdentityDamageError;
    if (isDamage) yield damageLine(error.offset, error.what);
    else yield `          UNREADABLE  ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function* describeIdentity(fs: WalFileSystem, dir: string): AsyncGenerator<string, void, undefined> {
  const content = await readIdentity(fs, dir);
  if (content === null) return;
  const { clusterId, incarnation, starts, hasLog } = content;
  const cluster = clusterId === null ? "of no cluster yet" : `of cluster ${JSON.stringify(clusterId)}`;
  yield line(
    0,
    `disk ${incarnation} ${cluster}, opened ${starts} times, ${hasLog ? "with" : "without"} a log`,
  );
}

async function* describeSegment(fs: WalFileSystem, path: string): AsyncGenerator<string, void, undefined> {
  const bytes = await readWhole(fs.open(path, "read"));
  const header = decodeSegmentHeader(path, bytes);
  yield line(0, `segment ${header.sequence}, ${header.sizeBytes} bytes`);
  let scan = scanRecords(bytes, header);
  for (;;) {
    for (const record of scan.records) yield* paragraph(record.offset, describeRecord(record));
    yield describeEnd(scan.tail, scan.end);
    if (scan.end.type !== "damage") return;
    scan = scanRecords(bytes, header, scan.end.next);
  }
}

function describeEnd(tail: number, end: ScanEnd): string {
  switch (end.type) {
    case "clean":
      return line(tail, "end; nothing says that the last record was durable");
    case "witness":
      return line(tail, "end; everything before was durable");
    case "seal":
      return line(tail, "end; continued in the next segment");
    case "torn":
      return line(tail, `TORN  ${end.what} and none follows: a write that a crash cut short`);
    case "damage":
      return damageLine(tail, end.what);
  }
}

async function* describeSnapshot(
  fs: WalFileSystem,
  dir: string,
  file: SnapshotFile,
): AsyncGenerator<string, void, undefined> {
  const { meta, dataBytes } = await verifySnapshot(fs, join(dir, file.name));
  const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
  const about = `snapshot ${lastIncludedIndex} (term ${lastIncludedTerm}), ${dataBytes} bytes, intact`;
  yield* paragraph(0, [
    about,
    ...(configuration === undefined ? [] : [describeConfiguration(configuration)]),
  ]);
}

/** Asks the code that `open` uses, so that the two never disagree. */
async function verdict(fs: WalFileSystem, dir: string): Promise<string> {
  try {
    return describeState(await readDirectory(fs, dir, (name) => join(dir, name)));
  } catch (error) {
    const refused = error instanceof WalDamageError || error instanceof WalFormatError;
    const message = error instanceof Error ? error.message : String(error);
    return `${refused ? "open refuses" : "open fails"}: ${message}`;
  }
}

function describeState({ replayed, entries, snapshot, unrecorded }: DirectoryState): string {
  const { hardState } = replayed.outline;
  const parts = [`term ${hardState.term}, vote ${hardState.votedFor ?? "none"}`];
  parts.push(
    snapshot === null
      ? "no snapshot"
      : `snapshot ${snapshot.meta.lastIncludedIndex} (term ${snapshot.meta.lastIncludedTerm})`,
  );
  parts.push(entries.length === 0 ? "no entries" : describeEntries(entries));
  parts.push(...membersFrom(entries, snapshot));
  if (replayed.last?.scan.end.type === "torn") parts.push("dropping the torn tail");
  if (unrecorded !== null) parts.push("completing the commit of the snapshot");
  return `open restores: ${parts.join(", ")}`;
}

/** Where the members in force are said: by the last entry that does, else by the snapshot, else by none of them. */
function membersFrom(entries: readonly Entry[], snapshot: VerifiedSnapshot | null): readonly string[] {
  const last = entries.findLast(({ configuration }) => configuration !== undefined);
  if (last !== undefined) return [`the members of entry ${last.index}`];
  return snapshot?.meta.configuration === undefined ? [] : ["the members of the snapshot"];
}

async function readWhole(file: WalFile): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(file.sizeBytes());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    file.close();
  }
}

function damageLine(offset: number, what: string): string {
  return line(offset, `DAMAGE  ${what}`);
}

function line(offset: number, text: string): string {
  return `${String(offset).padStart(10)}  ${text}`;
}

/** What stands at an offset, in several lines. */
function* paragraph(offset: number, [first = "", ...others]: readonly string[]): Generator<string> {
  yield line(offset, first);
  for (const other of others) yield `${" ".repeat(14)}${other}`;
}
