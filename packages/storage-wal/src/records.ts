import type { HardState, SnapshotMeta } from "@eraft/core";
import { aligned, getUint53, putUint53, viewOf } from "./bytes.ts";
import { RECORD_HEADER_BYTES } from "./segment-format.ts";

/**
 * The state in which a segment begins: what replaying all segments before it would give, without the entries. Nor does it repeat the snapshot's
 * configuration, which stands in the snapshot's own file.
 */
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

/** Flag beside term and vote in each record that has them. */
export const HAS_VOTE = 2;

const KEPT = 1;

const CHECKPOINT_BYTES = 56;
const SNAPSHOT_BYTES = 24;

/** Room that a segment needs before its first batch, and after its last record. */
export const CHECKPOINT_RECORD_BYTES: number = RECORD_HEADER_BYTES + CHECKPOINT_BYTES;

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
export function blank(
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

export function voteFlag(hardState: HardState): number {
  return hardState.votedFor === null ? 0 : HAS_VOTE;
}

/** Term and vote stand at 8 and 16 in each record that has them. */
export function hardStateAt(view: DataView, flags: number): HardState {
  return {
    term: getUint53(view, 8),
    votedFor: (flags & HAS_VOTE) === 0 ? null : getUint53(view, 16),
  };
}
