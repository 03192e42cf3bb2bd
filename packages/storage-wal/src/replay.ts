import type { Entry, SnapshotMeta, WriteBatch } from "@eraft/core";
import { decodeBatch } from "./batch-record.ts";
import { CommandMemory } from "./command-memory.ts";
import { WalDamageError, WalFormatError } from "./errors.ts";
import type { WalFileSystem } from "./file-system.ts";
import { LogOutline } from "./log-outline.ts";
import type { Listing, SegmentFile } from "./names.ts";
import { segmentName } from "./names.ts";
import type { Checkpoint } from "./records.ts";
import { decodeCheckpoint, decodeSnapshotRecord } from "./records.ts";
import type { SegmentHeader } from "./segment-format.ts";
import { RecordType, SEGMENT_HEADER_BYTES, decodeSegmentHeader } from "./segment-format.ts";
import type { Scan, ScannedRecord } from "./segment-scan.ts";
import { scanRecords } from "./segment-scan.ts";

/** All that the segments say. */
export interface Replayed {
  readonly outline: LogOutline;
  /** The log after the outline's snapshot. */
  readonly entries: readonly Entry[];
  readonly segments: readonly ReplayedSegment[];
  /** The segment that is written to, null in an empty directory. */
  readonly last: LastSegment | null;
}

export interface ReplayedSegment extends SegmentFile {
  /** Where its records end. */
  readonly tail: number;
}

export interface LastSegment {
  readonly file: SegmentFile;
  readonly header: SegmentHeader;
  readonly bytes: Uint8Array;
  readonly scan: Scan;
  /** Sequence number of the record to be written next. */
  readonly nextRecord: number;
}

/** Reads all segments in order. Throws on anything but a torn tail; changes nothing. */
export async function replaySegments(
  fs: WalFileSystem,
  pathOf: (name: string) => string,
  listing: Listing,
): Promise<Replayed> {
  const replay = new Replay();
  const segments: ReplayedSegment[] = [];
  let last: LastSegment | null = null;
  for (const file of listing.segments) {
    const path = pathOf(file.name);
    if (last !== null && file.sequence !== last.file.sequence + 1) {
      throw new WalDamageError(pathOf(segmentName(last.file.sequence + 1)), 0, "this segment is missing");
    }
    const bytes = await readWhole(fs, path);
    const header = decodeSegmentHeader(path, bytes);
    if (header.sequence !== file.sequence) {
      throw new WalDamageError(path, 16, `the file says that it is segment ${header.sequence}`);
    }
    const scan = scanRecords(bytes, header);
    const nextRecord = checkBounds(path, scan, last, pathOf);
    for (const record of scan.records) replay.apply(record, path, file.sequence);
    segments.push({ ...file, tail: scan.tail });
    last = { file, header, bytes, scan, nextRecord };
  }
  if (last?.scan.end.type === "seal") {
    const missing = pathOf(segmentName(last.file.sequence + 1));
    throw new WalDamageError(missing, 0, "this segment is missing");
  }
  return { outline: replay.outline, entries: replay.entries, segments, last };
}

/** Checks how a segment begins and ends. Returns the sequence number after its last record. */
function checkBounds(
  path: string,
  scan: Scan,
  previous: LastSegment | null,
  pathOf: (name: string) => string,
): number {
  const first = scan.records[0];
  if (first === undefined || first.type !== RecordType.checkpoint) {
    // Segments get their name when they are durable, with their checkpoint: this was not torn.
    throw new WalDamageError(path, SEGMENT_HEADER_BYTES, "the checkpoint is not intact");
  }
  if (previous !== null && first.sequence !== previous.nextRecord) {
    const what = `record ${previous.nextRecord} is not intact, but segment ${path} begins with ${first.sequence}`;
    throw new WalDamageError(pathOf(previous.file.name), previous.scan.tail, what);
  }
  if (scan.end.type === "damage") throw new WalDamageError(path, scan.tail, scan.end.what);
  return first.sequence + scan.records.length;
}

async function readWhole(fs: WalFileSystem, path: string): Promise<Uint8Array> {
  const file = fs.open(path, "read");
  try {
    const bytes = new Uint8Array(file.sizeBytes());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Applies records as they were applied when they were written. */
class Replay {
  #outline: LogOutline | null = null;
  /** Those entries that were in the records; the outline tells if some are missing before them. */
  #entries: Entry[] = [];
  readonly #memory = new CommandMemory();

  get outline(): LogOutline {
    return (this.#outline ??= new LogOutline(EMPTY));
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  apply(record: ScannedRecord, path: string, segment: number): void {
    const problem = this.#applied(record, path, segment);
    if (problem === null) return;
    // The checksum is right, so this is what was written; but no version of this package writes it.
    throw new WalDamageError(path, record.offset, `record ${record.sequence} makes no sense: ${problem}`);
  }

  #applied(record: ScannedRecord, path: string, segment: number): string | null {
    switch (record.type) {
      case RecordType.checkpoint:
        return this.#checkpoint(record.payload);
      case RecordType.batch:
      case RecordType.batchWithConfigurations: {
        const batch = decodeBatch(record.type, record.payload, this.#memory);
        if (batch === "malformed") return MALFORMED;
        if (batch !== "unknown") return this.#batch(batch, segment);
        throw new WalFormatError(
          path,
          `has a configuration from a later version, in record ${record.sequence}`,
        );
      }
      case RecordType.snapshot:
        return this.#snapshot(record.payload);
      default:
        throw new WalFormatError(path, `has a record of unknown type ${record.type}`);
    }
  }

  #checkpoint(payload: Uint8Array): string | null {
    const checkpoint = decodeCheckpoint(payload);
    if (checkpoint === null) return MALFORMED;
    if (this.#outline === null) {
      this.#outline = new LogOutline(checkpoint);
      return null;
    }
    return this.#outline.agreesWith(checkpoint) ? null : "it differs from what was read before it";
  }

  #batch(batch: WriteBatch, segment: number): string | null {
    const problem = this.outline.problemOf(batch);
    if (problem !== null) return problem;
    this.outline.apply(batch, segment);
    if (batch.truncateFrom !== null) this.#dropFrom(batch.truncateFrom);
    for (const entry of batch.entries) this.#entries.push(entry);
    return null;
  }

  #snapshot(payload: Uint8Array): string | null {
    const record = decodeSnapshotRecord(payload);
    if (record === null) return MALFORMED;
    const { meta, kept } = record;
    if (meta.lastIncludedIndex <= this.outline.snapshotIndex) return "a newer snapshot comes before it";
    if ((this.outline.keepsSuffixAfter(meta) ?? kept) !== kept) return "it contradicts the log";
    this.outline.applySnapshot(meta, kept);
    this.#entries = entriesAfter(this.#entries, meta, kept);
    return null;
  }

  #dropFrom(index: number): void {
    const first = this.#entries[0]?.index ?? index;
    this.#entries.length = Math.min(this.#entries.length, Math.max(0, index - first));
  }
}

const MALFORMED = "its payload is malformed";

/** The state of a directory in which nothing has been written. */
export const EMPTY: Checkpoint = {
  hardState: { term: 0, votedFor: null },
  snapshot: null,
  lastLogIndex: 0,
  lastLogTerm: 0,
};

/** What is left of `entries` after the snapshot. */
export function entriesAfter(entries: readonly Entry[], meta: SnapshotMeta, kept: boolean): Entry[] {
  return kept ? entries.filter((entry) => entry.index > meta.lastIncludedIndex) : [];
}
