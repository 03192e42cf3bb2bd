import type { Entry, WriteBatch } from "@eraft/core";
import { join } from "node:path";
import { WalDamageError, WalFormatError } from "./errors.ts";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import type { SnapshotFile } from "./names.ts";
import { sortNames } from "./names.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import type { DirectoryState } from "./read-directory.ts";
import { readDirectory } from "./read-directory.ts";
import { decodeBatch, decodeCheckpoint, decodeSnapshotRecord } from "./records.ts";
import { RecordType, decodeSegmentHeader } from "./segment-format.ts";
import type { ScanEnd, ScannedRecord } from "./segment-scan.ts";
import { scanRecords } from "./segment-scan.ts";
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
  const { segments, snapshots, temporary } = sortNames(fs.list(dir));
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
    if (error instanceof WalDamageError) yield damageLine(error.offset, error.what);
    else yield `          UNREADABLE  ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function* describeSegment(fs: WalFileSystem, path: string): AsyncGenerator<string, void, undefined> {
  const bytes = await readWhole(fs.open(path, "read"));
  const header = decodeSegmentHeader(path, bytes);
  yield line(0, `segment ${header.sequence}, ${header.sizeBytes} bytes`);
  let scan = scanRecords(bytes, header);
  for (;;) {
    for (const record of scan.records) yield line(record.offset, describeRecord(record));
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

function describeRecord(record: ScannedRecord): string {
  const number = `#${record.sequence} `;
  switch (record.type) {
    case RecordType.checkpoint:
      return number + describeCheckpoint(record.payload);
    case RecordType.batch:
      return number + describeBatch(decodeBatch(record.payload));
    case RecordType.snapshot:
      return number + describeSnapshotRecord(record.payload);
    default:
      return `${number}UNKNOWN type ${record.type}, ${record.payload.length} bytes`;
  }
}

const MALFORMED = "MALFORMED, though its checksum is right";

function describeCheckpoint(payload: Uint8Array): string {
  const checkpoint = decodeCheckpoint(payload);
  if (checkpoint === null) return `checkpoint  ${MALFORMED}`;
  const { hardState, snapshot, lastLogIndex, lastLogTerm } = checkpoint;
  const covered =
    snapshot === null
      ? "no snapshot"
      : `snapshot ${snapshot.lastIncludedIndex} (term ${snapshot.lastIncludedTerm})`;
  const vote = `term ${hardState.term}, vote ${hardState.votedFor ?? "none"}`;
  return `checkpoint  ${vote}, ${covered}, log ends at ${lastLogIndex} (term ${lastLogTerm})`;
}

function describeBatch(batch: WriteBatch | null): string {
  if (batch === null) return `batch  ${MALFORMED}`;
  const parts: string[] = [];
  if (batch.hardState !== null) {
    parts.push(`term ${batch.hardState.term}, vote ${batch.hardState.votedFor ?? "none"}`);
  }
  if (batch.truncateFrom !== null) parts.push(`truncate from ${batch.truncateFrom}`);
  if (batch.entries.length > 0) parts.push(describeEntries(batch.entries));
  return `batch  ${parts.join(", ")}`;
}

function describeEntries(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "no entries";
  const bytes = entries.reduce((sum, entry) => sum + entry.command.length, 0);
  const terms = first.term === last.term ? `term ${first.term}` : `terms ${first.term} to ${last.term}`;
  const range = first === last ? `entry ${first.index}` : `entries ${first.index} to ${last.index}`;
  return `${range} (${terms}, ${bytes} bytes)`;
}

function describeSnapshotRecord(payload: Uint8Array): string {
  const record = decodeSnapshotRecord(payload);
  if (record === null) return `snapshot  ${MALFORMED}`;
  const { lastIncludedIndex, lastIncludedTerm } = record.meta;
  const log = record.kept ? "the log after it stays" : "the log before it is dropped whole";
  return `snapshot  ${lastIncludedIndex} (term ${lastIncludedTerm}) committed, ${log}`;
}

async function* describeSnapshot(
  fs: WalFileSystem,
  dir: string,
  file: SnapshotFile,
): AsyncGenerator<string, void, undefined> {
  const { meta, dataBytes } = await verifySnapshot(fs, join(dir, file.name));
  yield line(
    0,
    `snapshot ${meta.lastIncludedIndex} (term ${meta.lastIncludedTerm}), ${dataBytes} bytes, intact`,
  );
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
  if (replayed.last?.scan.end.type === "torn") parts.push("dropping the torn tail");
  if (unrecorded !== null) parts.push("completing the commit of the snapshot");
  return `open restores: ${parts.join(", ")}`;
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
