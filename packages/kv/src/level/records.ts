import { type ClientWrite, type SessionView, decodeSession, encodeSession } from "@eraft/runtime";
import { KvDiskError } from "../errors.ts";
import { byteStringOf, writeByteString } from "../state/byte-string.ts";
import { crc32 } from "../state/crc32.ts";
import type { Change, Item } from "../state/items.ts";
import type { KeptResult } from "../state/kept-result.ts";
import type { KvTextResult } from "../state/result.ts";
import { keptResultCodec } from "../state/result-codec.ts";
import { decodeClientResult, encodeClientResult } from "../state/snapshot-format.ts";
import { type Value, valueOf } from "../state/value.ts";

// FORMAT.md draws the records. Each begins with the CRC-32 of its key and of what follows: LevelDB does not check what it reads.

const CRC_BYTES = 4;
const ITEM_BYTES = CRC_BYTES + 16;
const CHANGE_BYTES = 16;
const USE_BYTES = CRC_BYTES + 8;
const CLIENT_BYTES = USE_BYTES + 9;

/** In place of the length of a value. */
const DELETED = 2 ** 32 - 1;

/** A session or a client, and when it was used: the larger the later. */
export interface Used<T> {
  readonly use: number;
  readonly value: T;
}

export function encodeItem(key: Uint8Array, { value, createRevision, modRevision }: Item): Uint8Array {
  const record = new Uint8Array(ITEM_BYTES + value.length);
  const view = viewOf(record);
  view.setBigUint64(CRC_BYTES, BigInt(createRevision));
  view.setBigUint64(CRC_BYTES + 8, BigInt(modRevision));
  writeValue(value, record, ITEM_BYTES);
  return sealed(key, record);
}

/** @throws KvDiskError */
export function decodeItem(key: Uint8Array, record: Uint8Array): Item {
  const view = opened(key, record, ITEM_BYTES);
  return {
    value: valueOf(bytesIn(record, ITEM_BYTES, record.length)),
    createRevision: Number(view.getBigUint64(CRC_BYTES)),
    modRevision: Number(view.getBigUint64(CRC_BYTES + 8)),
  };
}

/** The changes of one revision. */
export function encodeChanges(key: Uint8Array, changes: readonly Change[]): Uint8Array {
  const bytes = changes.reduce(
    (sum, change) => sum + CHANGE_BYTES + change.key.length + (change.item?.value.length ?? 0),
    CRC_BYTES,
  );
  const record = new Uint8Array(bytes);
  const view = viewOf(record);
  let at = CRC_BYTES;
  for (const { key, item } of changes) {
    view.setUint32(at, key.length);
    view.setUint32(at + 4, item === null ? DELETED : item.value.length);
    view.setBigUint64(at + 8, BigInt(item?.createRevision ?? 0));
    writeByteString(key, record, at + CHANGE_BYTES);
    at += CHANGE_BYTES + key.length;
    if (item === null) continue;
    writeValue(item.value, record, at);
    at += item.value.length;
  }
  return sealed(key, record);
}

/** @throws KvDiskError */
export function decodeChanges(key: Uint8Array, record: Uint8Array, modRevision: number): Change[] {
  const view = opened(key, record, CRC_BYTES);
  const changes: Change[] = [];
  let at = CRC_BYTES;
  while (at < record.length) {
    const keyEnd = at + CHANGE_BYTES + view.getUint32(at);
    const valueBytes = view.getUint32(at + 4);
    const createRevision = Number(view.getBigUint64(at + 8));
    const changed = byteStringOf(record.subarray(at + CHANGE_BYTES, keyEnd));
    at = keyEnd;
    if (valueBytes === DELETED) {
      changes.push({ key: changed, item: null });
      continue;
    }
    // Of memory of its own: the history lets go of one after the other.
    const value = valueOf(new Uint8Array(bytesIn(record, at, at + valueBytes)));
    changes.push({ key: changed, item: { value, createRevision, modRevision } });
    at += valueBytes;
  }
  return changes;
}

export function encodeUsedSession(
  key: Uint8Array,
  { use, value }: Used<SessionView<KeptResult>>,
): Uint8Array {
  const session = encodeSession(value, keptResultCodec);
  const record = new Uint8Array(USE_BYTES + session.length);
  viewOf(record).setBigUint64(CRC_BYTES, BigInt(use));
  record.set(session, USE_BYTES);
  return sealed(key, record);
}

/** @throws KvDiskError */
export function decodeUsedSession(key: Uint8Array, record: Uint8Array): Used<SessionView<KeptResult>> {
  const view = opened(key, record, USE_BYTES);
  const value = decodeSession(record.subarray(USE_BYTES), keptResultCodec);
  return { use: Number(view.getBigUint64(CRC_BYTES)), value };
}

export function encodeUsedClient(
  key: Uint8Array,
  { use, value }: Used<ClientWrite<KvTextResult>>,
): Uint8Array {
  const record = new Uint8Array(CLIENT_BYTES);
  const view = viewOf(record);
  view.setBigUint64(CRC_BYTES, BigInt(use));
  view.setBigInt64(USE_BYTES, value.commandId);
  view.setUint8(USE_BYTES + 8, encodeClientResult(value.result));
  return sealed(key, record);
}

/** @throws KvDiskError */
export function decodeUsedClient(
  key: Uint8Array,
  record: Uint8Array,
  clientId: bigint,
): Used<ClientWrite<KvTextResult>> {
  const view = opened(key, record, CLIENT_BYTES);
  const result = decodeClientResult(view.getUint8(USE_BYTES + 8));
  if (result === undefined) throw new KvDiskError("damaged", `client ${clientId} has a result that is none`);
  const value = { clientId, commandId: view.getBigInt64(USE_BYTES), result };
  return { use: Number(view.getBigUint64(CRC_BYTES)), value };
}

/** Sets the checksum at the front of `record`. */
export function sealed(key: Uint8Array, record: Uint8Array): Uint8Array {
  viewOf(record).setUint32(0, crc32(record.subarray(CRC_BYTES), crc32(key)));
  return record;
}

/** @throws KvDiskError if this is not what was written under `key` */
export function opened(key: Uint8Array, record: Uint8Array, leastBytes: number): DataView {
  const view = viewOf(record);
  const isWhole = record.length >= Math.max(leastBytes, CRC_BYTES);
  if (!isWhole || view.getUint32(0) !== crc32(record.subarray(CRC_BYTES), crc32(key))) {
    throw new KvDiskError("damaged", `the record ${hexOf(key)} is not what was written`);
  }
  return view;
}

function writeValue(value: Value, record: Uint8Array, at: number): void {
  if (typeof value === "string") writeByteString(value, record, at);
  else record.set(value, at);
}

/** No Buffer, which some databases give: `slice` of that is no copy. */
function bytesIn({ buffer, byteOffset }: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + from, to - from);
}

function hexOf(key: Uint8Array): string {
  return Array.from(key.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
