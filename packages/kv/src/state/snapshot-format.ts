import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "./command.ts";
import { crc32 } from "./crc32.ts";
import { KvSnapshotError } from "../errors.ts";
import { type KvResult, type RefusalReason, WRITTEN, refused } from "./result.ts";

/**
 * A snapshot of the key-value state. Numbers are little-endian; `u` is unsigned, `i` signed, followed by the bits.
 *
 *     header    8  "ERAFT-KV"
 *              u32 version, 1
 *              u32 maxSessions  \ the limits the state was built with; another server must have the same
 *              u32 maxKeys      /
 *              u32 keyCount
 *              u32 sessionCount
 *              u32 CRC-32 of the 28 bytes before
 *     pair     u32 key length, u32 value length, key, value in UTF-8        keyCount times, in the order of the first write
 *     session  i64 clientId, i64 commandId, u8 result, 17 bytes             sessionCount times, least recently written first
 *     trailer  u32 CRC-32 of everything before
 *
 * The bytes are a function of the state alone, and the state of the log alone: two servers that applied the same log write the same
 * snapshot. How it is cut into chunks means nothing.
 */
export const SNAPSHOT_VERSION = 1;

export const HEADER_BYTES = 32;
export const PAIR_HEADER_BYTES = 8;
export const SESSION_BYTES = 17;
export const TRAILER_BYTES = 4;
export const MAX_PAIR_BYTES: number = PAIR_HEADER_BYTES + MAX_KEY_BYTES + MAX_VALUE_BYTES;

/** Snapshots are written, read and checked in steps of this size; between two steps others may run. */
export const CHUNK_BYTES: number = 128 * 1024;

const MAGIC = new TextEncoder().encode("ERAFT-KV");

/** What bounds the state besides the sizes of keys and values. The same on all servers of a cluster. */
export interface StateLimits {
  readonly maxSessions: number;
  readonly maxKeys: number;
}

export interface SnapshotHeader extends StateLimits {
  readonly keyCount: number;
  readonly sessionCount: number;
}

export function encodeHeader(header: SnapshotHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, SNAPSHOT_VERSION, true);
  view.setUint32(12, header.maxSessions, true);
  view.setUint32(16, header.maxKeys, true);
  view.setUint32(20, header.keyCount, true);
  view.setUint32(24, header.sessionCount, true);
  view.setUint32(28, crc32(bytes.subarray(0, 28)), true);
  return bytes;
}

/** Reads and checks a header against the limits of this server, so that what follows is bounded. */
export function decodeHeader(bytes: Uint8Array, limits: StateLimits): SnapshotHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new KvSnapshotError("badMagic", "this is not a snapshot of a key-value store");
  }
  const version = view.getUint32(8, true);
  if (version !== SNAPSHOT_VERSION) {
    throw new KvSnapshotError(
      "unsupportedVersion",
      `the snapshot has format version ${version}, this program reads ${SNAPSHOT_VERSION}`,
    );
  }
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) {
    throw new KvSnapshotError("damaged", "the checksum of the snapshot's header is wrong");
  }
  const header = {
    maxSessions: view.getUint32(12, true),
    maxKeys: view.getUint32(16, true),
    keyCount: view.getUint32(20, true),
    sessionCount: view.getUint32(24, true),
  };
  checkLimits(header, limits);
  return header;
}

function checkLimits(header: SnapshotHeader, limits: StateLimits): void {
  if (header.maxSessions !== limits.maxSessions || header.maxKeys !== limits.maxKeys) {
    throw new KvSnapshotError(
      "differentLimits",
      `the snapshot was made with maxSessions ${header.maxSessions} and maxKeys ${header.maxKeys}, ` +
        `this server has ${limits.maxSessions} and ${limits.maxKeys}; they must be the same on all servers`,
    );
  }
  if (header.keyCount > header.maxKeys || header.sessionCount > header.maxSessions) {
    throw new KvSnapshotError(
      "damaged",
      "the snapshot claims more keys or sessions than its own limits allow",
    );
  }
}

/** The position of a reason is its code minus 1. Only ever add at the end. */
const REASONS: readonly RefusalReason[] = [
  "malformed",
  "unknownOp",
  "emptyKey",
  "keyTooLong",
  "valueTooLarge",
  "storeFull",
];

/** The byte for a session's last result: 0 for `ok`, 1 and above for a refusal. */
export function encodeSessionResult(result: KvResult): number {
  switch (result.status) {
    case "ok":
      return 0;
    case "refused":
      return REASONS.indexOf(result.reason) + 1;
    case "noKey":
      throw new Error("a write cannot have found no key");
  }
}

/** The result for a byte; undefined for one that means nothing. */
export function decodeSessionResult(code: number): KvResult | undefined {
  if (code === 0) return WRITTEN;
  const reason = REASONS[code - 1];
  return reason === undefined ? undefined : refused(reason);
}
