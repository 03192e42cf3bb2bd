import type { SnapshotMeta } from "@eraft/core";
import { crc32 } from "node:zlib";
import { getUint53, putUint53, viewOf } from "./bytes.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import { WalDamageError, WalFormatError } from "./errors.ts";

/*
 * A snapshot file. All numbers are little-endian.
 *
 *   header  magic "ERAFTSNP", version u32, zero u32, lastIncludedIndex u64, lastIncludedTerm u64, length u32 of the configuration, crc u32
 *   in version 2: crc u32, configuration
 *   frame   length u32 (1 to 131072), crc u32, as many bytes of the snapshot
 *   ...
 *   footer  0 u32, crc u32, total length of the snapshot u64
 *
 * Each crc covers everything before it in the file but the earlier crcs, and the length and the bytes that follow it:
 * it continues the crc before it. So frames cannot be swapped, repeated or left out without the next one noticing.
 */

/** Version 2 is for a snapshot with a configuration. One without stays as it was, so that a version that knows none can go on with it. */
const PLAIN_VERSION = 1;
const CONFIGURATION_VERSION = 2;

export const SNAPSHOT_HEADER_BYTES = 40;
const CRC_BYTES = 4;
export const FRAME_HEADER_BYTES = 8;
export const FOOTER_BYTES = 16;

/** Most bytes of the snapshot in one frame; a reader never holds more. */
export const MAX_FRAME_BYTES: number = 128 * 1024;

const MAGIC = Buffer.from("ERAFTSNP", "latin1");

/** What stands before the first frame, and the crc that this continues. */
export function encodeSnapshotHeader(meta: SnapshotMeta): { bytes: Uint8Array; crc: number } {
  const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
  const stored = configuration === undefined ? null : encodeConfiguration(configuration);
  const bytes = new Uint8Array(SNAPSHOT_HEADER_BYTES + (stored === null ? 0 : CRC_BYTES + stored.length));
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, stored === null ? PLAIN_VERSION : CONFIGURATION_VERSION, true);
  putUint53(view, 16, lastIncludedIndex);
  putUint53(view, 24, lastIncludedTerm);
  view.setUint32(32, stored?.length ?? 0, true);
  const headerCrc = crc32(bytes.subarray(0, 36));
  view.setUint32(36, headerCrc, true);
  if (stored === null) return { bytes, crc: headerCrc };
  bytes.set(stored, SNAPSHOT_HEADER_BYTES + CRC_BYTES);
  const crc = crc32(stored, headerCrc);
  view.setUint32(SNAPSHOT_HEADER_BYTES, crc, true);
  return { bytes, crc };
}

export interface SnapshotHeader {
  readonly lastIncludedIndex: number;
  readonly lastIncludedTerm: number;
  /** Bytes between the header and the first frame, a crc included; 0 without a configuration. */
  readonly configurationBytes: number;
  readonly crc: number;
}

/** Reads the header at the start of `bytes`, as much as there is of its 40. */
export function decodeSnapshotHeader(file: string, bytes: Uint8Array): SnapshotHeader {
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
  if (version !== PLAIN_VERSION && version !== CONFIGURATION_VERSION) {
    const known = `${PLAIN_VERSION} and ${CONFIGURATION_VERSION}`;
    throw new WalFormatError(file, `has format version ${version}; this package knows ${known}`);
  }
  return {
    lastIncludedIndex: getUint53(view, 16),
    lastIncludedTerm: getUint53(view, 24),
    configurationBytes: version === PLAIN_VERSION ? 0 : CRC_BYTES + view.getUint32(32, true),
    crc,
  };
}

/** Reads what stands between the header and the first frame, if anything: `bytes`, as much as there is of it. */
export function decodeSnapshotMeta(
  file: string,
  header: SnapshotHeader,
  bytes: Uint8Array,
): { meta: SnapshotMeta; crc: number } {
  const { lastIncludedIndex, lastIncludedTerm, configurationBytes } = header;
  const position = { lastIncludedIndex, lastIncludedTerm };
  if (configurationBytes === 0) return { meta: position, crc: header.crc };
  if (bytes.length < configurationBytes) {
    throw new WalDamageError(file, SNAPSHOT_HEADER_BYTES + bytes.length, "the snapshot has been cut");
  }
  const stored = bytes.subarray(CRC_BYTES);
  const crc = crc32(stored, header.crc);
  if (crc !== viewOf(bytes).getUint32(0, true)) {
    const what = "the checksum of the snapshot's configuration does not match";
    throw new WalDamageError(file, SNAPSHOT_HEADER_BYTES, what);
  }
  const configuration = decodeConfiguration(stored);
  if (configuration === "malformed") {
    throw new WalDamageError(file, SNAPSHOT_HEADER_BYTES, "the snapshot's configuration makes no sense");
  }
  if (configuration === "unknown") throw new WalFormatError(file, "has a configuration from a later version");
  return { meta: { ...position, configuration }, crc };
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
