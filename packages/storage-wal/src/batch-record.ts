import type { Entry, WriteBatch } from "@eraft/core";
import type { CommandMemory } from "./command-memory.ts";
import { getUint53, putUint53, viewOf } from "./bytes.ts";
import type { Unreadable } from "./configuration.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import type { Allocate, EncodedRecord } from "./records.ts";
import { HAS_VOTE, blank, hardStateAt, voteFlag } from "./records.ts";
import { RECORD_HEADER_BYTES, RecordType } from "./segment-format.ts";

const HAS_HARD_STATE = 1;
const HAS_TRUNCATE = 4;

const BATCH_HEADER_BYTES = 40;

/** What the bytes of an entry are, where that is said. */
const COMMAND = 0;
const CONFIGURATION = 1;

/** The two kinds of record that a batch can be. */
type BatchType = typeof RecordType.batch | typeof RecordType.batchWithConfigurations;

/** A batch whose size is known. */
export interface PackedBatch {
  readonly batch: WriteBatch;
  readonly type: BatchType;
  /** The bytes of each entry: its command, or its configuration. */
  readonly bodies: readonly Uint8Array[];
  readonly payloadBytes: number;
}

/** Only for a batch that may follow, see `LogOutline.problemOf`. */
export function packBatch(batch: WriteBatch): PackedBatch {
  const hasConfigurations = batch.entries.some(({ configuration }) => configuration !== undefined);
  const type = hasConfigurations ? RecordType.batchWithConfigurations : RecordType.batch;
  const bodies = batch.entries.map(({ command, configuration }) =>
    configuration === undefined ? command : encodeConfiguration(configuration),
  );
  const headers = BATCH_HEADER_BYTES + bodies.length * entryHeaderBytes(type);
  return { batch, type, bodies, payloadBytes: bodies.reduce((sum, { length }) => sum + length, headers) };
}

/*
 *  0 flags u32   4 entry count u32   8 term u64   16 vote u64   24 truncateFrom u64   32 first index u64
 * 40 for each entry: term u64, length u32, in a batch with configurations kind u32, command or configuration
 */
export function encodeBatch(
  { batch, type, bodies, payloadBytes }: PackedBatch,
  allocate: Allocate,
): EncodedRecord {
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
  for (const [i, { term, configuration }] of entries.entries()) {
    const body = bodies[i] ?? new Uint8Array(0);
    putUint53(view, at, term);
    view.setUint32(at + 8, body.length, true);
    if (type === RecordType.batchWithConfigurations) {
      view.setUint32(at + 12, configuration === undefined ? COMMAND : CONFIGURATION, true);
    }
    at += entryHeaderBytes(type);
    bytes.set(body, RECORD_HEADER_BYTES + at);
    at += body.length;
  }
  return { bytes, payloadBytes };
}

/** The batch, or why it cannot be read. */
export function decodeBatch(
  type: BatchType,
  payload: Uint8Array,
  memory: CommandMemory,
): WriteBatch | Unreadable {
  if (payload.length < BATCH_HEADER_BYTES) return "malformed";
  const view = viewOf(payload);
  const flags = view.getUint32(0, true);
  if (flags > (HAS_HARD_STATE | HAS_VOTE | HAS_TRUNCATE)) return "malformed";
  const count = view.getUint32(4, true);
  const firstIndex = getUint53(view, 32);
  const entries: Entry[] = [];
  let at = BATCH_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const start = at + entryHeaderBytes(type);
    if (start > payload.length) return "malformed";
    const end = start + view.getUint32(at + 8, true);
    if (end > payload.length) return "malformed";
    const kind = type === RecordType.batch ? COMMAND : view.getUint32(at + 12, true);
    const body = payload.subarray(start, end);
    const index = firstIndex + i;
    const term = getUint53(view, at);
    if (kind === COMMAND) {
      entries.push({ index, term, command: memory.copy(body) });
    } else {
      const configuration = kind === CONFIGURATION ? decodeConfiguration(body) : "unknown";
      if (typeof configuration === "string") return configuration;
      entries.push({ index, term, command: new Uint8Array(0), configuration });
    }
    at = end;
  }
  if (at !== payload.length) return "malformed";
  return {
    hardState: (flags & HAS_HARD_STATE) === 0 ? null : hardStateAt(view, flags),
    truncateFrom: (flags & HAS_TRUNCATE) === 0 ? null : getUint53(view, 24),
    entries,
  };
}

function entryHeaderBytes(type: BatchType): number {
  return type === RecordType.batch ? 12 : 16;
}
