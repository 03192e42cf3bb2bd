import type { Entry, HardState, SnapshotMeta, WriteBatch } from "@eraft/core";
import { aligned, getUint53, putUint53, viewOf } from "./bytes.ts";
import { RECORD_HEADER_BYTES } from "./segment-format.ts";

/** The state in which a segment begins: what replaying all segments before it would give, without the entries. */
export interface Checkpoint {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta | null;
  /** The last entry of the log, or of the snapshot if nothing follows that; 0 when there is neither. */
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
}

/** A committed snapshot, and what became of the log that was there. */
export interface SnapshotRecord {
  readonly meta: SnapshotMeta;
  /** Whether the entries after it stayed. Recorded because the segment with the term that decided it may be deleted. */
  readonly kept: boolean;
}

/** A record under construction: room for the header, the payload, zeros up to a multiple of 8. */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  readonly payloadBytes: number;
}

/** Encoders write into what this gives them: at least `size` bytes, of any content. */
export type Allocate = (size: number) => Uint8Array;

const HAS_HARD_STATE = 1;
const HAS_VOTE = 2;
const HAS_TRUNCATE = 4;
const KEPT = 1;

const CHECKPOINT_BYTES = 56;
const SNAPSHOT_BYTES = 24;
const BATCH_HEADER_BYTES = 40;
const ENTRY_HEADER_BYTES = 12;

/** Room that a segment needs before its first batch, and after its last record. */
export const CHECKPOINT_RECORD_BYTES: number = RECORD_HEADER_BYTES + CHECKPOINT_BYTES;

export function batchPayloadBytes(batch: WriteBatch): number {
  let size = BATCH_HEADER_BYTES;
  for (const entry of batch.entries) size += ENTRY_HEADER_BYTES + entry.command.length;
  return size;
}

/*
 *  0 flags u32   4 entry count u32   8 term u64   16 vote u64   24 truncateFrom u64   32 first index u64
 * 40 for each entry: term u64, length u32, command
 */
export function encodeBatch(batch: WriteBatch, allocate: Allocate): EncodedRecord {
  const payloadBytes = batchPayloadBytes(batch);
  const { bytes, view } = blank(payloadBytes, BATCH_HEADER_BYTES, allocate);
  const { hardState, truncateFrom, entries } = batch;
  let flags = 0;
  if (hardState !== null) flags |= HAS_HARD_STATE | voteFlag(hardState);
  if (truncateFrom !== null) flags |= HAS_TRUNCATE;
  view.setUint32(0, flags, true);
  view.setUint32(4, entries.length, true);
  putUint53(view, 8, hardState?.term ?? 0);
  putUint53(view, 16, hardState?.votedFor ?? 0);
  putUint53(view, 24, truncateFrom ?? 0);
  putUint53(view, 32, entries[0]?.index ?? 0);
  let at = BATCH_HEADER_BYTES;
  for (const entry of entries) {
    putUint53(view, at, entry.term);
    view.setUint32(at + 8, entry.command.length, true);
    bytes.set(entry.command, RECORD_HEADER_BYTES + at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + entry.command.length;
  }
  return { bytes, payloadBytes };
}

/**
 * The batch, with commands of their own: a slice of `payload` would keep a whole segment in memory for as long as one entry lives.
 * Null if no version of this package can have written it.
 */
export function decodeBatch(payload: Uint8Array): WriteBatch | null {
  if (payload.length < BATCH_HEADER_BYTES) return null;
  const view = viewOf(payload);
  const flags = view.getUint32(0, true);
  if (flags > (HAS_HARD_STATE | HAS_VOTE | HAS_TRUNCATE)) return null;
  const count = view.getUint32(4, true);
  const firstIndex = getUint53(view, 32);
  const entries: Entry[] = [];
  let at = BATCH_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_HEADER_BYTES > payload.length) return null;
    const end = at + ENTRY_HEADER_BYTES + view.getUint32(at + 8, true);
    if (end > payload.length) return null;
    const command = new Uint8Array(end - at - ENTRY_HEADER_BYTES);
    command.set(payload.subarray(at + ENTRY_HEADER_BYTES, end));
    entries.push({ index: firstIndex + i, term: getUint53(view, at), command });
    at = end;
  }
  if (at !== payload.length) return null;
  return {
    hardState: (flags & HAS_HARD_STATE) === 0 ? null : hardStateAt(view, flags),
    truncateFrom: (flags & HAS_TRUNCATE) === 0 ? null : getUint53(view, 24),
    entries,
  };
}

/*
 *  0 flags u32   4 zero   8 term u64   16 vote u64
 * 24 lastIncludedIndex u64   32 lastIncludedTerm u64   40 lastLogIndex u64   48 lastLogTerm u64
 */
export function encodeCheckpoint(checkpoint: Checkpoint, allocate: Allocate): EncodedRecord {
  const { bytes, view } = blank(CHECKPOINT_BYTES, CHECKPOINT_BYTES, allocate);
  const { hardState, snapshot } = checkpoint;
  view.setUint32(0, voteFlag(hardState), true);
  putUint53(view, 8, hardState.term);
  putUint53(view, 16, hardState.votedFor ?? 0);
  putUint53(view, 24, snapshot?.lastIncludedIndex ?? 0);
  putUint53(view, 32, snapshot?.lastIncludedTerm ?? 0);
  putUint53(view, 40, checkpoint.lastLogIndex);
  putUint53(view, 48, checkpoint.lastLogTerm);
  return { bytes, payloadBytes: CHECKPOINT_BYTES };
}

export function decodeCheckpoint(payload: Uint8Array): Checkpoint | null {
  if (payload.length !== CHECKPOINT_BYTES) return null;
  const view = viewOf(payload);
  const lastIncludedIndex = getUint53(view, 24);
  return {
    hardState: hardStateAt(view, view.getUint32(0, true)),
    // Index 0 is "before the log", so no snapshot ends there.
    snapshot: lastIncludedIndex === 0 ? null : { lastIncludedIndex, lastIncludedTerm: getUint53(view, 32) },
    lastLogIndex: getUint53(view, 40),
    lastLogTerm: getUint53(view, 48),
  };
}

/* 0 lastIncludedIndex u64   8 lastIncludedTerm u64   16 flags u32   20 zero */
export function encodeSnapshotRecord(record: SnapshotRecord, allocate: Allocate): EncodedRecord {
  const { bytes, view } = blank(SNAPSHOT_BYTES, SNAPSHOT_BYTES, allocate);
  putUint53(view, 0, record.meta.lastIncludedIndex);
  putUint53(view, 8, record.meta.lastIncludedTerm);
  view.setUint32(16, record.kept ? KEPT : 0, true);
  return { bytes, payloadBytes: SNAPSHOT_BYTES };
}

export function decodeSnapshotRecord(payload: Uint8Array): SnapshotRecord | null {
  if (payload.length !== SNAPSHOT_BYTES) return null;
  const view = viewOf(payload);
  return {
    meta: { lastIncludedIndex: getUint53(view, 0), lastIncludedTerm: getUint53(view, 8) },
    kept: (view.getUint32(16, true) & KEPT) !== 0,
  };
}

/** A record with zeros in the first `fixed` bytes of its payload and after it; `view` shows the payload. */
function blank(
  payloadBytes: number,
  fixed: number,
  allocate: Allocate,
): { bytes: Uint8Array; view: DataView } {
  const size = RECORD_HEADER_BYTES + aligned(payloadBytes);
  const bytes = allocate(size).subarray(0, size);
  bytes.fill(0, 0, RECORD_HEADER_BYTES + fixed);
  bytes.fill(0, RECORD_HEADER_BYTES + payloadBytes);
  return { bytes, view: viewOf(bytes.subarray(RECORD_HEADER_BYTES)) };
}

function voteFlag(hardState: HardState): number {
  return hardState.votedFor === null ? 0 : HAS_VOTE;
}

/** Term and vote stand at 8 and 16 in both records that have them. */
function hardStateAt(view: DataView, flags: number): HardState {
  return {
    term: getUint53(view, 8),
    votedFor: (flags & HAS_VOTE) === 0 ? null : getUint53(view, 16),
  };
}
