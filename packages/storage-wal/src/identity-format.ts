import { crc32 } from "node:zlib";
import { getUint53, isUint53, putUint53, viewOf } from "./bytes.ts";
import { WalFormatError, WalIdentityDamageError } from "./errors.ts";

/*
 * The file of an identity. All numbers are little-endian.
 *
 *  0 magic "ERAFTIDN"   8 version u32   12 size of the file u32   16 starts u64
 * 24 flags u32   28 length of the cluster id u32   32 incarnation, 16 bytes   48 cluster id, UTF-8
 *    crc u32 of everything before it
 *
 * Later versions keep magic, version and size where they are, and the crc at the end, so that a new version is told from a damaged one.
 */

/** What the file says. */
export interface IdentityContent {
  readonly clusterId: string | null;
  /** 32 hexadecimal digits, in lower case. */
  readonly incarnation: string;
  readonly starts: number;
  /** There is a log beside it: once true, it stays true. */
  readonly hasLog: boolean;
}

export const INCARNATION_BYTES = 16;

/** In UTF-8. */
export const MAX_CLUSTER_ID_BYTES = 255;

const MAGIC = Buffer.from("ERAFTIDN", "latin1");
const VERSION = 1;
const HEADER_BYTES = 48;
const CRC_BYTES = 4;
/** More than any version needs; what is longer is not read. */
export const MAX_IDENTITY_BYTES = 4096;

const HAS_CLUSTER = 1;
const HAS_LOG = 2;

export function encodeIdentity({ clusterId, incarnation, starts, hasLog }: IdentityContent): Uint8Array {
  const cluster = Buffer.from(clusterId ?? "", "utf8");
  const bytes = new Uint8Array(HEADER_BYTES + cluster.length + CRC_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, bytes.length, true);
  putUint53(view, 16, starts);
  view.setUint32(24, (clusterId === null ? 0 : HAS_CLUSTER) | (hasLog ? HAS_LOG : 0), true);
  view.setUint32(28, cluster.length, true);
  bytes.set(Buffer.from(incarnation, "hex"), 32);
  bytes.set(cluster, HEADER_BYTES);
  const end = bytes.length - CRC_BYTES;
  view.setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

/** Reads `bytes`, which are all of `file`. Throws unless they are as they were written. */
export function decodeIdentity(file: string, bytes: Uint8Array): IdentityContent {
  const view = viewOf(bytes);
  if (bytes.length < HEADER_BYTES + CRC_BYTES || view.getUint32(12, true) !== bytes.length) {
    throw new WalIdentityDamageError(file, bytes.length, "the file does not have the size it says");
  }
  const end = bytes.length - CRC_BYTES;
  if (MAGIC.compare(bytes, 0, 8) !== 0) {
    throw new WalIdentityDamageError(file, 0, "this is not the start of an identity");
  }
  if (crc32(bytes.subarray(0, end)) !== view.getUint32(end, true)) {
    throw new WalIdentityDamageError(file, 0, "the checksum does not match");
  }
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new WalFormatError(file, `has format version ${version}; this package knows ${VERSION}`);
  }
  const flags = view.getUint32(24, true);
  const starts = getUint53(view, 16);
  if (
    flags > (HAS_CLUSTER | HAS_LOG) ||
    HEADER_BYTES + view.getUint32(28, true) !== end ||
    !isUint53(starts)
  ) {
    throw new WalIdentityDamageError(file, 16, "it makes no sense, though its checksum is right");
  }
  return {
    clusterId: (flags & HAS_CLUSTER) === 0 ? null : textOf(bytes.subarray(HEADER_BYTES, end)),
    incarnation: Buffer.from(bytes.subarray(32, 32 + INCARNATION_BYTES)).toString("hex"),
    starts,
    hasLog: (flags & HAS_LOG) !== 0,
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
