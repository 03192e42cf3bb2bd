import type { SnapshotMeta } from "@eraft/core";
import { getUint53, viewOf } from "./bytes.ts";
import { WalDamageError } from "./errors.ts";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import {
  FOOTER_BYTES,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  SNAPSHOT_HEADER_BYTES,
  decodeSnapshotHeader,
  decodeSnapshotMeta,
  frameCrc,
} from "./snapshot-format.ts";

/** What a complete pass over a snapshot file found. */
export interface VerifiedSnapshot {
  readonly meta: SnapshotMeta;
  /** Bytes of the snapshot itself. */
  readonly dataBytes: number;
  /** Bytes of the file. */
  readonly fileBytes: number;
}

/** Reads the whole file and checks every byte of it. */
export async function verifySnapshot(fs: WalFileSystem, path: string): Promise<VerifiedSnapshot> {
  const file = fs.open(path, "read");
  try {
    const { meta } = await readHeader(file, path);
    let dataBytes = 0;
    for await (const chunk of readFrames(file, path)) dataBytes += chunk.length;
    return { meta, dataBytes, fileBytes: file.sizeBytes() };
  } finally {
    file.close();
  }
}

/**
 * The bytes of the snapshot, frame by frame, each checked before it is handed out. The next one is read while the one before is being used. Does not close
 * `file`, and is over only when nothing reads from it any more.
 */
export async function* readFrames(file: WalFile, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  let { crc, end: position } = await readHeader(file, path);
  let total = 0;
  let next = readFrame(file, position);
  try {
    for (;;) {
      const read = await next;
      const length = frameLength(read, path, position);
      crc = frameCrc(read, length, crc);
      if (crc !== viewOf(read).getUint32(4, true)) {
        throw new WalDamageError(path, position, "the checksum of the snapshot does not match");
      }
      if (length === 0) {
        checkFooter(read, path, position, total);
        return;
      }
      total += length;
      position += FRAME_HEADER_BYTES + length;
      next = readFrame(file, position);
      // Whoever stops here will not ask for it.
      next.catch(() => {});
      yield read.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
    }
  } finally {
    await next.catch(() => {});
  }
}

/** One read takes a frame of any length; the few bytes too many are those of the next frame, and are read again with it. */
function readFrame(file: WalFile, position: number): Promise<Uint8Array> {
  return readUpTo(file, FRAME_HEADER_BYTES + MAX_FRAME_BYTES, position);
}

/** What stands before the first frame: the crc that this continues, and where it begins. */
async function readHeader(
  file: WalFile,
  path: string,
): Promise<{ meta: SnapshotMeta; crc: number; end: number }> {
  const header = decodeSnapshotHeader(path, await readUpTo(file, SNAPSHOT_HEADER_BYTES, 0));
  const { configurationBytes } = header;
  const configuration = await readUpTo(file, configurationBytes, SNAPSHOT_HEADER_BYTES);
  return {
    ...decodeSnapshotMeta(path, header, configuration),
    end: SNAPSHOT_HEADER_BYTES + configurationBytes,
  };
}

/** The length a frame declares, 0 for the footer, if all of it is there. */
function frameLength(read: Uint8Array, path: string, position: number): number {
  const length = read.length < FRAME_HEADER_BYTES ? 0 : viewOf(read).getUint32(0, true);
  if (length > MAX_FRAME_BYTES) {
    throw new WalDamageError(path, position, `a frame of ${length} bytes is longer than any that is written`);
  }
  const needed = length === 0 ? FOOTER_BYTES : FRAME_HEADER_BYTES + length;
  if (read.length < needed) {
    throw new WalDamageError(path, position + read.length, "the snapshot has been cut");
  }
  return length;
}

function checkFooter(read: Uint8Array, path: string, position: number, total: number): void {
  const declared = getUint53(viewOf(read), FRAME_HEADER_BYTES);
  if (declared !== total) {
    throw new WalDamageError(
      path,
      position,
      `the snapshot has ${total} bytes where ${declared} were written`,
    );
  }
  if (read.length > FOOTER_BYTES) {
    throw new WalDamageError(path, position + FOOTER_BYTES, "the file goes on after the end of the snapshot");
  }
}

async function readUpTo(file: WalFile, size: number, position: number): Promise<Uint8Array> {
  const target = new Uint8Array(Math.min(size, Math.max(0, file.sizeBytes() - position)));
  return target.subarray(0, await file.read(target, position));
}
