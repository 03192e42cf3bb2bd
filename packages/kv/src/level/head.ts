import type { LogIndex } from "@eraft/core";
import { KvDiskError } from "../errors.ts";
import type { StateLimits } from "../state/limits.ts";
import { HEAD_KEY } from "./keys.ts";
import { opened, sealed } from "./records.ts";

const VERSION = 1;
const MAGIC = new TextEncoder().encode("ERAFT-KD");
const FIXED_BYTES = 104;

/** At most so many bytes of UTF-8. */
export const MAX_OWNER_BYTES = 255;

/** Says which of all records count, and how far the state is. */
export interface Head {
  /** Whose state it is, as `LevelKvStateMachineOptions.owner` says. */
  readonly owner: string;
  readonly limits: StateLimits;
  /** Of the records that count. */
  readonly generation: number;
  /** The last entry of the log that the state reflects. */
  readonly index: LogIndex;
  readonly revision: number;
  readonly firstRevision: number;
  readonly keyCount: number;
  readonly sessionCount: number;
  readonly clientCount: number;
  /** Higher than that of any session or client. */
  readonly nextUse: number;
  /** The batches whose marks are there, each of them. */
  readonly firstBatch: number;
  readonly lastBatch: number;
}

const LIMITS = ["maxSessions", "maxKeys", "maxHistoryChanges", "maxHistoryBytes", "maxResults"] as const;

export function encodeHead(head: Head): Uint8Array {
  const owner = new TextEncoder().encode(head.owner);
  const record = new Uint8Array(FIXED_BYTES + owner.length);
  const view = new DataView(record.buffer);
  record.set(MAGIC, 4);
  view.setUint32(12, VERSION);
  for (const [position, limit] of LIMITS.entries()) view.setUint32(16 + 4 * position, head.limits[limit]);
  view.setUint32(36, head.generation);
  view.setUint32(40, head.keyCount);
  view.setUint32(44, head.sessionCount);
  view.setUint32(48, head.clientCount);
  view.setUint32(52, owner.length);
  const { index, revision, firstRevision, nextUse, firstBatch, lastBatch } = head;
  for (const [position, number] of [
    index,
    revision,
    firstRevision,
    nextUse,
    firstBatch,
    lastBatch,
  ].entries()) {
    view.setBigUint64(56 + 8 * position, BigInt(number));
  }
  record.set(owner, FIXED_BYTES);
  return sealed(HEAD_KEY, record);
}

/** @throws KvDiskError unless it is a head of this version, undamaged */
export function decodeHead(record: Uint8Array): Head {
  const magic = record.subarray(4, 12);
  if (record.length < FIXED_BYTES || MAGIC.some((byte, at) => magic[at] !== byte)) {
    throw new KvDiskError("notAState", "there is something else in it than the state of a key-value store");
  }
  const version = new DataView(record.buffer, record.byteOffset).getUint32(12);
  if (version !== VERSION) {
    throw new KvDiskError(
      "unsupportedVersion",
      `the state has format version ${version}, this program reads ${VERSION}`,
    );
  }
  const view = opened(HEAD_KEY, record, FIXED_BYTES);
  const limits = Object.fromEntries(
    LIMITS.map((limit, position) => [limit, view.getUint32(16 + 4 * position)]),
  );
  const number = (position: number): number => Number(view.getBigUint64(56 + 8 * position));
  const owner = record.subarray(FIXED_BYTES, FIXED_BYTES + view.getUint32(52));
  return {
    owner: new TextDecoder().decode(owner),
    limits: limits as Record<(typeof LIMITS)[number], number>,
    generation: view.getUint32(36),
    keyCount: view.getUint32(40),
    sessionCount: view.getUint32(44),
    clientCount: view.getUint32(48),
    index: number(0),
    revision: number(1),
    firstRevision: number(2),
    nextUse: number(3),
    firstBatch: number(4),
    lastBatch: number(5),
  };
}

/** @throws KvDiskError if the state is another server's, or was made with other limits */
export function checkHead(head: Head, owner: string, limits: StateLimits): void {
  if (head.owner !== owner) {
    throw new KvDiskError(
      "otherOwner",
      `the state belongs to ${JSON.stringify(head.owner)}, not to ${JSON.stringify(owner)}`,
    );
  }
  const different = LIMITS.filter((limit) => head.limits[limit] !== limits[limit]);
  if (different.length === 0) return;
  const those = different.map((limit) => `${limit} ${head.limits[limit]}, not ${limits[limit]}`);
  throw new KvDiskError(
    "differentLimits",
    `the state was made with ${those.join(", ")}; they stay the same for ever`,
  );
}
