import { crc32 } from "node:zlib";
import { aligned, getUint53, putUint53, viewOf } from "./bytes.ts";
import { WalDamageError, WalFormatError } from "./errors.ts";

/*
 * A segment file, drawn in full in FORMAT.md. All numbers are little-endian.
 *
 *   +--------------------+  0
 *   | segment header     |  48 bytes
 *   +--------------------+  48
 *   | record: checkpoint |
 *   | record             |  each a header of 32 bytes, a payload, zeros up to a multiple of 8
 *   | ...                |
 *   +--------------------+  the tail: the next record goes here
 *   | witness or seal    |  a bare record header, or nothing
 *   | zeros              |
 *   +--------------------+  the size that the header declares
 */

export const FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 48;
export const RECORD_HEADER_BYTES = 32;

/** Longest payload of a record, 1 GiB. */
export const MAX_PAYLOAD_BYTES: number = 2 ** 30;

const MAGIC = Buffer.from("ERAFTWAL", "latin1");

export interface SegmentHeader {
  /** Position of the segment in the log, from 1. */
  readonly sequence: number;
  readonly sizeBytes: number;
  /** Random; repeated in each record, so that no other bytes, old or of a user, pass for a record of this segment. */
  readonly salt: bigint;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  putUint53(view, 16, header.sequence);
  putUint53(view, 24, header.sizeBytes);
  view.setBigUint64(32, header.salt, true);
  view.setUint32(44, crc32(bytes.subarray(0, 44)), true);
  return bytes;
}

/** Reads the header at the start of `bytes`, which are all of `file`. Throws unless it fits the file. */
export function decodeSegmentHeader(file: string, bytes: Uint8Array): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
    throw new WalDamageError(file, bytes.length, "the file has been cut within its header");
  }
  const view = viewOf(bytes);
  if (MAGIC.compare(bytes, 0, 8) !== 0)
    throw new WalDamageError(file, 0, "this is not the start of a segment");
  // Every version keeps these 48 bytes as they are, so that a changed version number is told from a damaged one.
  if (crc32(bytes.subarray(0, 44)) !== view.getUint32(44, true)) {
    throw new WalDamageError(file, 0, "the checksum of the segment header does not match");
  }
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    throw new WalFormatError(file, `has format version ${version}; this package knows ${FORMAT_VERSION}`);
  }
  const header = {
    sequence: getUint53(view, 16),
    sizeBytes: getUint53(view, 24),
    salt: view.getBigUint64(32, true),
  };
  if (bytes.length < header.sizeBytes) {
    throw new WalDamageError(file, bytes.length, `the file has been cut; it had ${header.sizeBytes} bytes`);
  }
  if (bytes.length > header.sizeBytes) {
    throw new WalDamageError(file, header.sizeBytes, "the file goes on after its end");
  }
  return header;
}

export const RecordType = {
  /** The state at the start of the segment; always the first record. */
  checkpoint: 1,
  /** One `WriteBatch`. */
  batch: 2,
  /** A snapshot was committed at this point. */
  snapshot: 3,
  /** Everything before it was durable when it was written. The next record takes its place and its sequence number. */
  witness: 4,
  /** A witness that also says: the next segment exists. */
  seal: 5,
  /**
   * A `WriteBatch` with a configuration among its entries. A type of its own, so that a version that knows none refuses it by name; and only for
   * these, so that a directory without them is as it always was.
   */
  batchWithConfigurations: 6,
} as const;

export type RecordType = (typeof RecordType)[keyof typeof RecordType];

export interface RecordHeader {
  /** One of `RecordType`, if this version wrote it. */
  readonly type: number;
  /** Position of the record in the log, from 1, without a gap across segments. */
  readonly sequence: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** Bytes a record occupies. */
export function recordBytes(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + aligned(payloadBytes);
}

/** Completes a record whose payload already stands after the room for its header. */
export function sealRecord(
  record: Uint8Array,
  type: RecordType,
  payloadBytes: number,
  salt: bigint,
  sequence: number,
): void {
  const view = viewOf(record);
  view.setBigUint64(0, salt, true);
  putUint53(view, 8, sequence);
  view.setUint32(16, payloadBytes, true);
  view.setUint32(20, type, true);
  view.setUint32(24, crc32(record.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + payloadBytes)), true);
  view.setUint32(28, crc32(record.subarray(0, 28)), true);
}

/** The record header at `offset`, or null if there is none that is intact and belongs to this segment. */
export function readRecordHeader(view: DataView, offset: number, salt: bigint): RecordHeader | null {
  if (offset + RECORD_HEADER_BYTES > view.byteLength) return null;
  // The cheap half first: this runs at every eighth byte when an open looks for what follows a damaged record.
  if (view.getUint32(offset, true) !== Number(salt & 0xffff_ffffn)) return null;
  if (view.getBigUint64(offset, true) !== salt) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, 28);
  if (crc32(bytes) !== view.getUint32(offset + 28, true)) return null;
  const payloadBytes = view.getUint32(offset + 16, true);
  if (offset + recordBytes(payloadBytes) > view.byteLength) return null;
  return {
    type: view.getUint32(offset + 20, true),
    sequence: getUint53(view, offset + 8),
    payloadBytes,
    payloadCrc: view.getUint32(offset + 24, true),
  };
}
