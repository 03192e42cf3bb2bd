import { crc32 } from "./crc32.ts";
import { KvSnapshotError } from "../errors.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES, type StateLimits } from "./limits.ts";
import { type KvTextResult, WRITTEN, refused } from "./result.ts";
import { decodeReason, encodeReason } from "./result-codec.ts";

/**
 * A snapshot of the key-value state. Numbers are little-endian; `u` is unsigned, `i` signed, followed by the bits. A u64 is at most 2^53 - 1.
 *
 *     header    8  "ERAFT-KV"
 *              u32 version, 2
 *              u32 maxSessions        \
 *              u32 maxKeys             | the limits the state was built with; another server must have the same
 *              u32 maxHistoryChanges   |
 *              u32 maxHistoryBytes     |
 *              u32 maxResults         /
 *              u32 keyCount
 *              u32 clientCount
 *              u32 sessionCount
 *              u64 revision
 *              u64 firstRevision      the first one whose changes are kept; revision + 1 if none are
 *              u32 CRC-32 of the 60 bytes before
 *     item     u32 key length, u32 value length, u64 createRevision, u64 modRevision, key, value           keyCount times, in the order of the keys
 *     changes  u32 count, then for each:                                                                     for each revision from firstRevision on
 *              u32 key length, u32 value length or what stands for it, u64 createRevision, key, value
 *     client   i64 clientId, i64 commandId, u8 result                                                        clientCount times, least recently written first
 *     session  u32 length, what encodeSession of @eraft/runtime makes of it                                  sessionCount times, least recently used first
 *     trailer  u32 CRC-32 of everything before
 *
 * `result` is 0 for a write that was done, otherwise the reason why it was not (see result-codec.ts). A change without a value has 2^32 - 1 for its length if it deleted the key, and 2^32 - 2 if it made the item that is there now.
 *
 * The bytes are a function of the state alone, and the state of the log alone: two servers that applied the same log write the same
 * snapshot. How it is cut into chunks means nothing.
 *
 * Version 1 had keys in the order of their first writes and no revisions. It was in no release, and is not read.
 */
export const SNAPSHOT_VERSION = 2;

export const HEADER_BYTES = 64;
export const ITEM_HEADER_BYTES = 24;
export const CHANGE_HEADER_BYTES = 16;
export const CLIENT_BYTES = 17;
export const TRAILER_BYTES = 4;

/** No session takes more, even if each of its results has values that are nowhere else. */
export const MAX_SESSION_BYTES: number = 2 ** 31;
export const MAX_ITEM_BYTES: number = ITEM_HEADER_BYTES + MAX_KEY_BYTES + MAX_VALUE_BYTES;

/** In place of the length of a value. */
export const DELETED: number = 2 ** 32 - 1;
export const AS_IT_IS: number = 2 ** 32 - 2;

/** Snapshots are written, read and checked in steps of this size; between two steps others may run. */
export const CHUNK_BYTES: number = 128 * 1024;

const MAGIC = new TextEncoder().encode("ERAFT-KV");
const CRC_AT: number = HEADER_BYTES - 4;

export interface SnapshotHeader extends StateLimits {
  readonly keyCount: number;
  readonly clientCount: number;
  readonly sessionCount: number;
  readonly revision: number;
  readonly firstRevision: number;
}

export function encodeHeader(header: SnapshotHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, SNAPSHOT_VERSION, true);
  view.setUint32(12, header.maxSessions, true);
  view.setUint32(16, header.maxKeys, true);
  view.setUint32(20, header.maxHistoryChanges, true);
  view.setUint32(24, header.maxHistoryBytes, true);
  view.setUint32(28, header.maxResults, true);
  view.setUint32(32, header.keyCount, true);
  view.setUint32(36, header.clientCount, true);
  view.setUint32(40, header.sessionCount, true);
  setUint53(view, 44, header.revision);
  setUint53(view, 52, header.firstRevision);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  return bytes;
}

/** Reads and checks a header against the limits of this server, so that what follows is bounded. */
export function decodeHeader(bytes: Uint8Array, limits: StateLimits): SnapshotHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  checkKind(bytes, view);
  if (view.getUint32(CRC_AT, true) !== crc32(bytes.subarray(0, CRC_AT))) {
    throw new KvSnapshotError("damaged", "the checksum of the snapshot's header is wrong");
  }
  const header = {
    maxSessions: view.getUint32(12, true),
    maxKeys: view.getUint32(16, true),
    maxHistoryChanges: view.getUint32(20, true),
    maxHistoryBytes: view.getUint32(24, true),
    maxResults: view.getUint32(28, true),
    keyCount: view.getUint32(32, true),
    clientCount: view.getUint32(36, true),
    sessionCount: view.getUint32(40, true),
    revision: getUint53(view, 44),
    firstRevision: getUint53(view, 52),
  };
  checkLimits(header, limits);
  return header;
}

/** What a program can tell that knows nothing of the version. */
function checkKind(bytes: Uint8Array, view: DataView): void {
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
}

const LIMITS = ["maxSessions", "maxKeys", "maxHistoryChanges", "maxHistoryBytes", "maxResults"] as const;

function checkLimits(header: SnapshotHeader, limits: StateLimits): void {
  const different = LIMITS.filter((limit) => header[limit] !== limits[limit]);
  if (different.length > 0) {
    const those = different.map((limit) => `${limit} ${header[limit]}, and this server has ${limits[limit]}`);
    throw new KvSnapshotError(
      "differentLimits",
      `the snapshot was made with ${those.join(", ")}; they must be the same on all servers`,
    );
  }
  const { keyCount, maxKeys, clientCount, sessionCount, maxSessions, revision, firstRevision } = header;
  if (keyCount > maxKeys || Math.max(clientCount, sessionCount) > maxSessions) {
    throw new KvSnapshotError(
      "damaged",
      "the snapshot claims more keys or sessions than its own limits allow",
    );
  }
  if (!(Number.isSafeInteger(revision) && firstRevision >= 1 && firstRevision <= revision + 1)) {
    throw new KvSnapshotError("damaged", `the snapshot has revisions ${firstRevision} to ${revision}`);
  }
}

/** A number up to 2^53 - 1 as a u64. */
export function setUint53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Not a safe integer if it is larger than that. */
export function getUint53(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** The byte for a client's last result: 0 for `ok`, above that for a refusal. */
export function encodeClientResult(result: KvTextResult): number {
  switch (result.status) {
    case "ok":
      return 0;
    case "refused":
      return encodeReason(result.reason) + 1;
    case "noKey":
      throw new Error("a write cannot have found no key");
  }
}

/** The result for a byte; undefined for one that means nothing. */
export function decodeClientResult(code: number): KvTextResult | undefined {
  if (code === 0) return WRITTEN;
  const reason = decodeReason(code - 1);
  return reason === undefined ? undefined : refused(reason);
}
