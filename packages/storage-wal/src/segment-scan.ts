import { crc32 } from "node:zlib";
import { endOfNonZero, viewOf } from "./bytes.ts";
import type { RecordHeader, SegmentHeader } from "./segment-format.ts";
import {
  RECORD_HEADER_BYTES,
  RecordType,
  SEGMENT_HEADER_BYTES,
  readRecordHeader,
  recordBytes,
} from "./segment-format.ts";

export interface ScannedRecord {
  readonly offset: number;
  readonly type: number;
  readonly sequence: number;
  /** Part of the scanned bytes, not a copy. */
  readonly payload: Uint8Array;
  /** Offset of what follows. */
  readonly end: number;
}

/** Why the records of a segment end where they end. */
export type ScanEnd =
  /** Nothing but zeros follows. */
  | { readonly type: "clean" }
  /** A marker follows: everything before it was durable. `seal` says that the next segment was, too. */
  | { readonly type: "witness" | "seal" }
  /** Something follows that is no record, and no record comes after it: a write that a crash cut short. */
  | { readonly type: "torn"; readonly what: string }
  /** The record that should follow is damaged, but a later one, at `next`, is intact. */
  | { readonly type: "damage"; readonly what: string; readonly next: number };

export interface Scan {
  readonly records: readonly ScannedRecord[];
  /** Offset at which the records end. */
  readonly tail: number;
  readonly end: ScanEnd;
}

/**
 * Reads the records from `offset` on. `sequence` is that of the first one; null takes whatever is there.
 *
 * How a torn write is told from rot: at most one write is under way, so a record goes into the file only when the one before it
 * is durable. A damaged record with an intact one behind it was therefore durable once: it rotted. A damaged record with
 * nothing behind it is taken for a write that nobody was promised. A witness stands behind the last record whenever its
 * writer came as far as to confirm it, so this holds for the last record as well.
 */
export function scanRecords(
  bytes: Uint8Array,
  header: SegmentHeader,
  offset: number = SEGMENT_HEADER_BYTES,
  sequence: number | null = null,
): Scan {
  const view = viewOf(bytes);
  const records: ScannedRecord[] = [];
  let tail = offset;
  let expected = sequence;
  for (;;) {
    const found = readRecordHeader(view, tail, header.salt);
    if (found === null || (expected !== null && found.sequence !== expected)) break;
    expected = found.sequence;
    const end = markerEnd(found);
    if (end !== null) return { records, tail, end };
    const start = tail + RECORD_HEADER_BYTES;
    const payload = bytes.subarray(start, start + found.payloadBytes);
    if (crc32(payload) !== found.payloadCrc) break;
    const next = tail + recordBytes(found.payloadBytes);
    records.push({ offset: tail, type: found.type, sequence: expected, payload, end: next });
    tail = next;
    expected++;
  }
  return { records, tail, end: judge(bytes, header, tail, expected) };
}

function markerEnd(found: RecordHeader): ScanEnd | null {
  if (found.payloadBytes !== 0) return null;
  if (found.type === RecordType.witness) return { type: "witness" };
  return found.type === RecordType.seal ? { type: "seal" } : null;
}

/** Decides what the bytes from `tail` on are, given that record `expected` is not there; null for any record. */
function judge(bytes: Uint8Array, header: SegmentHeader, tail: number, expected: number | null): ScanEnd {
  const what = expected === null ? "the first record is not intact" : `record ${expected} is not intact`;
  const view = viewOf(bytes);
  // A match cannot come from a user's data: the salt is secret, and whoever stores copies of this very file in the log has only
  // records with lower numbers to copy.
  const stop = endOfNonZero(bytes, tail);
  for (let next = tail; next < stop; next += 8) {
    const found = readRecordHeader(view, next, header.salt);
    if (found !== null && found.sequence > (expected ?? 0)) {
      return { type: "damage", what: `${what}, but record ${found.sequence} at byte ${next} is`, next };
    }
  }
  return stop === tail ? { type: "clean" } : { type: "torn", what };
}
