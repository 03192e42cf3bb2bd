import { randomBytes } from "node:crypto";
import { aligned } from "./bytes.ts";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import type { LogOutline } from "./log-outline.ts";
import { TEMPORARY, segmentName } from "./names.ts";
import type { Allocate, EncodedRecord } from "./records.ts";
import { CHECKPOINT_RECORD_BYTES, encodeCheckpoint } from "./records.ts";
import {
  RECORD_HEADER_BYTES,
  RecordType,
  SEGMENT_HEADER_BYTES,
  encodeSegmentHeader,
  sealRecord,
} from "./segment-format.ts";

/** Records up to this size are encoded into one buffer that is used again and again. */
const REUSED_BUFFER_BYTES = 1024 * 1024;

/** The segment that is written to. */
export interface CurrentSegment {
  readonly sequence: number;
  readonly file: WalFile;
  readonly sizeBytes: number;
  readonly salt: bigint;
  /** Offset of the next record. */
  tail: number;
}

/** An older segment. */
interface FullSegment {
  readonly sequence: number;
  readonly usedBytes: number;
}

/** Where the segments live, and how large they are. */
export interface SegmentPlace {
  readonly fs: WalFileSystem;
  readonly dir: string;
  readonly pathOf: (name: string) => string;
  readonly segmentBytes: number;
}

/**
 * Writes the log. One operation at a time, and none after one of them failed: its owner sees to both.
 *
 * Invariants: there is always room for a marker at the tail; everything before the tail is durable; after the tail there is
 * nothing but a marker and zeros, so that no stale byte can ever become part of a later record.
 */
export class SegmentLog {
  readonly #place: SegmentPlace;
  readonly #outline: LogOutline;
  readonly #full: FullSegment[];
  #current: CurrentSegment;
  #nextRecord: number;
  #buffer: Uint8Array = new Uint8Array(4096);
  readonly #marker: Uint8Array = new Uint8Array(RECORD_HEADER_BYTES);

  constructor(
    place: SegmentPlace,
    outline: LogOutline,
    full: readonly FullSegment[],
    current: CurrentSegment,
    nextRecord: number,
  ) {
    this.#place = place;
    this.#outline = outline;
    this.#full = [...full];
    this.#current = current;
    this.#nextRecord = nextRecord;
  }

  /** Begins a log in an empty directory. */
  static async create(place: SegmentPlace, outline: LogOutline): Promise<SegmentLog> {
    const current = await createSegment(place, outline, 1, 1, 0);
    const log = new SegmentLog(place, outline, [], current, 2);
    log.markDurable();
    return log;
  }

  /** Sequence number of the segment that took the last record. */
  get currentSegment(): number {
    return this.#current.sequence;
  }

  /** Bytes in use; what is set aside for later records does not count. */
  get usedBytes(): number {
    return this.#full.reduce((sum, segment) => sum + segment.usedBytes, this.#current.tail);
  }

  /** Memory for an encoder; valid until the next call. */
  readonly allocate: Allocate = (size) => {
    // A record of many megabytes is rare; keeping its buffer would double the memory it costs for good.
    if (size > REUSED_BUFFER_BYTES) return new Uint8Array(size);
    if (this.#buffer.length < size) {
      this.#buffer = new Uint8Array(Math.min(REUSED_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(size))));
    }
    return this.#buffer;
  };

  /** Resolves once `record` is durable. */
  async append(type: RecordType, record: EncodedRecord): Promise<void> {
    if (this.#current.tail + record.bytes.length + RECORD_HEADER_BYTES > this.#current.sizeBytes) {
      await this.roll(record.bytes.length);
    }
    const current = this.#current;
    sealRecord(record.bytes, type, record.payloadBytes, current.salt, this.#nextRecord);
    current.file.write(record.bytes, current.tail);
    await current.file.sync();
    current.tail += record.bytes.length;
    this.#nextRecord++;
    this.markDurable();
  }

  /** Continues in a new segment with room for a record of `recordSize` bytes. */
  async roll(recordSize: number): Promise<void> {
    const previous = this.#current;
    const sequence = previous.sequence + 1;
    this.#current = await createSegment(this.#place, this.#outline, sequence, this.#nextRecord, recordSize);
    this.#nextRecord++;
    // The sequence number after the last record of `previous` is now that of the checkpoint.
    this.#full.push({ sequence: previous.sequence, usedBytes: previous.tail });
    try {
      this.#mark(previous, RecordType.seal, this.#nextRecord - 1);
    } finally {
      previous.file.close();
    }
    this.markDurable();
  }

  /**
   * Says at the tail that everything before it is durable, without waiting for the disk. The next record overwrites it. Without it
   * a last record that rots would be taken for a torn write, and dropped.
   */
  markDurable(): void {
    this.#mark(this.#current, RecordType.witness, this.#nextRecord);
  }

  #mark(segment: CurrentSegment, type: RecordType, sequence: number): void {
    sealRecord(this.#marker, type, 0, segment.salt, sequence);
    segment.file.write(this.#marker, segment.tail);
  }

  /**
   * Deletes the segments before the oldest with an entry that is still needed. Oldest first, and each is gone for good before the
   * next goes: a crash must not leave a gap, which would look like a lost segment.
   */
  async prune(): Promise<void> {
    const { fs, dir, pathOf } = this.#place;
    const needed = this.#outline.oldestNeededSegment ?? this.#current.sequence;
    while (this.#full[0] !== undefined && this.#full[0].sequence < needed) {
      fs.remove(pathOf(segmentName(this.#full[0].sequence)));
      await fs.syncDirectory(dir);
      this.#full.shift();
    }
  }

  /** Makes the marker durable, too. */
  sync(): Promise<void> {
    return this.#current.file.sync();
  }

  close(): void {
    this.#current.file.close();
  }
}

/** Creates a segment that begins with a checkpoint. It gets its name when all of it is durable, so a named segment is never torn. */
async function createSegment(
  place: SegmentPlace,
  outline: LogOutline,
  sequence: number,
  recordSequence: number,
  recordSize: number,
): Promise<CurrentSegment> {
  const { fs, dir, pathOf, segmentBytes } = place;
  const tail = SEGMENT_HEADER_BYTES + CHECKPOINT_RECORD_BYTES;
  // A batch is one record, and a record is in one segment: a batch that is larger than a segment gets one of its own size.
  const sizeBytes = Math.max(segmentBytes, aligned(tail + recordSize + RECORD_HEADER_BYTES));
  const salt = randomBytes(8).readBigUInt64LE();
  const start = new Uint8Array(tail);
  start.set(encodeSegmentHeader({ sequence, sizeBytes, salt }));
  const checkpoint = encodeCheckpoint(outline.checkpoint, () => start.subarray(SEGMENT_HEADER_BYTES));
  sealRecord(checkpoint.bytes, RecordType.checkpoint, checkpoint.payloadBytes, salt, recordSequence);

  const path = pathOf(segmentName(sequence));
  const file = fs.open(path + TEMPORARY, "create");
  try {
    file.truncate(sizeBytes);
    file.write(start, 0);
    await file.sync();
    fs.rename(path + TEMPORARY, path);
    await fs.syncDirectory(dir);
  } catch (error) {
    file.close();
    throw error;
  }
  return { sequence, file, sizeBytes, salt, tail };
}
