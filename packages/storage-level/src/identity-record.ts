import { crc32 } from "node:zlib";
import { getUint53, isUint53, putUint53, viewOf } from "./bytes.ts";
import { LevelDamageError, LevelFormatError } from "./errors.ts";

/*
 * The identity. All numbers are big-endian.
 *
 *  0 crc u32 of what follows   4 version u32   8 flags u32, 1: there is a cluster id   12 reserved   16 starts u64
 * 24 incarnation, 16 bytes   40 cluster id, UTF-8
 */

export interface IdentityContent {
  readonly clusterId: string | null;
  /** 32 hexadecimal digits, in lower case. */
  readonly incarnation: string;
  readonly starts: number;
}

export const INCARNATION_BYTES = 16;
/** In UTF-8. */
export const MAX_CLUSTER_ID_BYTES = 255;

const VERSION = 1;
const HAS_CLUSTER = 1;
const HEADER_BYTES = 40;

export function encodeIdentity({ clusterId, incarnation, starts }: IdentityContent): Uint8Array {
  const cluster = Buffer.from(clusterId ?? "", "utf8");
  const bytes = new Uint8Array(HEADER_BYTES + cluster.length);
  const view = viewOf(bytes);
  view.setUint32(4, VERSION);
  view.setUint32(8, clusterId === null ? 0 : HAS_CLUSTER);
  putUint53(view, 16, starts);
  bytes.set(Buffer.from(incarnation, "hex"), 24);
  bytes.set(cluster, HEADER_BYTES);
  view.setUint32(0, crc32(bytes.subarray(4)));
  return bytes;
}

/** Throws `LevelDamageError` or `LevelFormatError`. */
export function decodeIdentity(location: string, bytes: Uint8Array): IdentityContent {
  if (bytes.length < 8 || viewOf(bytes).getUint32(0) !== crc32(bytes.subarray(4))) {
    throw new LevelDamageError(location, "the identity does not match its checksum");
  }
  const view = viewOf(bytes);
  const version = view.getUint32(4);
  if (version !== VERSION) throw new LevelFormatError(location, `the identity has format version ${version}`);
  const starts = bytes.length < HEADER_BYTES ? NaN : getUint53(view, 16);
  if (!isUint53(starts)) {
    throw new LevelDamageError(location, "the identity makes no sense, though its checksum is right");
  }
  const text = (from: number, to: number, encoding: "hex" | "utf8"): string =>
    Buffer.from(bytes.subarray(from, to)).toString(encoding);
  return {
    clusterId: (view.getUint32(8) & HAS_CLUSTER) === 0 ? null : text(HEADER_BYTES, bytes.length, "utf8"),
    incarnation: text(24, HEADER_BYTES, "hex"),
    starts,
  };
}
