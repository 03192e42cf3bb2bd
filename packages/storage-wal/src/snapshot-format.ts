import type { SnapshotMeta } from "@eraft/core";
import { crc32 } from "node:zlib";
import { getUint53, putUint53, viewOf } from "./bytes.ts";
import { WalDamageError, WalFormatError } from "./errors.ts";

/*
 * A snapshot file. All numbers are little-endian.
 *
 *   header  magic "ERAFTSNP", version u32, zero u32, lastIncludedIndex u64, lastIncludedTerm u64, zero u32, crc u32
 *   frame   length u32 (1 to 131072), crc u32, as many bytes of the snapshot
 *   ...
 *   footer  0 u32, crc u32, total length of the snapshot u64
 *
 * Each crc covers everything before it in the file but the earlier crcs of frames, and the length and the bytes that follow it:
 * it continues the crc before it. So frames cannot be swapped, repeated or left out without the next one noticing.
 */

export const SNAPSHOT_VERSION = 1;
export const SNAPSHOT_HEADER_BYTES = 40;
export const FRAME_HEADER_BYTES = 8;
export const FOOTER_BYTES = 16;

/** Most bytes of the snapshot in one frame; a reader never holds more. */
export const MAX_FRAME_BYTES: number = 128 * 1024;

const MAGIC = Buffer.from("ERAFTSNP", "latin1");

/** The header, and the crc that the first frame continues. */
export function encodeSnapshotHeader(meta: SnapshotMeta): { bytes: Uint8Array; crc: number } {
  const bytes = new Uint8Array(SNAPSHOT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, SNAPSHOT_VERSION, true);
  putUint53(view, 16, meta.lastIncludedIndex);
  putUint53(view, 24, meta.lastIncludedTerm);
  const crc = crc32(bytes.subarray(0, 36));
  view.setUint32(36, crc, true);
  return { bytes, crc };
}

export function decodeSnapshotHeader(file: string, bytes: Uint8Array): { meta: SnapshotMeta; crc: number } {
  if (bytes.length < SNAPSHOT_HEADER_BYTES) {
    throw new WalDamageError(file, bytes.length, "the file has been cut within its header");
  }
  const view = viewOf(bytes);
  if (MAGIC.compare(bytes, 0, 8) !== 0)
    throw new WalDamageError(file, 0, "this is not the start of a snapshot");
  const crc = crc32(bytes.subarray(0, 36));
  if (crc !== view.getUint32(36, true)) {
    throw new WalDamageError(file, 0, "the checksum of the snapshot header does not match");
  }
  const version = view.getUint32(8, true);
  if (version !== SNAPSHOT_VERSION) {
    throw new WalFormatError(file, `has format version ${version}; this package knows ${SNAPSHOT_VERSION}`);
  }
  return {
    meta: { lastIncludedIndex: getUint53(view, 16), lastIncludedTerm: getUint53(view, 24) },
    crc,
  };
}

/** Completes a frame whose `length` bytes of data already stand after the room for its header. Returns the next crc. */
export function sealFrame(frame: Uint8Array, length: number, previousCrc: number): number {
  const view = viewOf(frame);
  view.setUint32(0, length, true);
  const crc = frameCrc(frame, length, previousCrc);
  view.setUint32(4, crc, true);
  return crc;
}

export function encodeFooter(totalBytes: number, previousCrc: number): Uint8Array {
  const footer = new Uint8Array(FOOTER_BYTES);
  putUint53(viewOf(footer), FRAME_HEADER_BYTES, totalBytes);
  sealFrame(footer, 0, previousCrc);
  return footer;
}

/** The crc that belongs into `frame`, a frame or a footer. */
export function frameCrc(frame: Uint8Array, length: number, previousCrc: number): number {
  const data = length === 0 ? FOOTER_BYTES - FRAME_HEADER_BYTES : length;
  const crc = crc32(frame.subarray(0, 4), previousCrc);
  return crc32(frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + data), crc);
}
