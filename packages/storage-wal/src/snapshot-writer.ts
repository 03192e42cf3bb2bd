import type { SnapshotMeta } from "@eraft/core";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import { TEMPORARY, snapshotName } from "./names.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  encodeFooter,
  encodeSnapshotHeader,
  sealFrame,
} from "./snapshot-format.ts";
import type { VerifiedSnapshot } from "./snapshot-reader.ts";

/**
 * Bytes after which the file is synced while it grows. A snapshot left to the page cache would reach the disk all at once, and the
 * log's own fdatasync, on which the whole cluster waits, would queue behind it.
 */
const SYNC_EVERY_BYTES = 4 * 1024 * 1024;

/** Writes a snapshot into a temporary file. Nothing refers to it until its owner renames it. */
export class SnapshotWriter {
  readonly temporaryPath: string;
  readonly finalPath: string;
  readonly #meta: SnapshotMeta;
  readonly #fs: WalFileSystem;
  readonly #file: WalFile;
  readonly #frame: Uint8Array = new Uint8Array(FRAME_HEADER_BYTES + MAX_FRAME_BYTES);
  #open = true;
  #inFrame = 0;
  #crc: number;
  #position: number;
  #dataBytes = 0;
  #unsynced = 0;

  constructor(fs: WalFileSystem, pathOf: (name: string) => string, meta: SnapshotMeta) {
    const { bytes, crc } = encodeSnapshotHeader(meta);
    this.finalPath = pathOf(snapshotName(meta));
    this.temporaryPath = this.finalPath + TEMPORARY;
    this.#meta = meta;
    this.#fs = fs;
    this.#file = fs.open(this.temporaryPath, "create");
    this.#crc = crc;
    this.#position = bytes.length;
    try {
      this.#file.write(bytes, 0);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + MAX_FRAME_BYTES - this.#inFrame);
      this.#frame.set(part, FRAME_HEADER_BYTES + this.#inFrame);
      this.#inFrame += part.length;
      taken += part.length;
      if (this.#inFrame === MAX_FRAME_BYTES) this.#writeFrame();
    }
    if (this.#unsynced < SYNC_EVERY_BYTES) return;
    this.#unsynced = 0;
    await this.#file.sync();
  }

  /** Resolves once the file is complete and on the disk, under its temporary name. It is closed then. */
  async finish(): Promise<VerifiedSnapshot> {
    if (this.#inFrame > 0) this.#writeFrame();
    const footer = encodeFooter(this.#dataBytes, this.#crc);
    this.#file.write(footer, this.#position);
    await this.#file.sync();
    this.#close();
    return {
      meta: this.#meta,
      dataBytes: this.#dataBytes,
      fileBytes: this.#position + footer.length,
    };
  }

  /** Removes the file, as far as the system lets it; the next open removes what is left. Never throws. */
  discard(): void {
    try {
      this.#close();
    } catch {
      // Removing the name is what counts.
    }
    try {
      this.#fs.remove(this.temporaryPath);
    } catch {
      // It has a temporary name, so nothing will ever read it.
    }
  }

  #writeFrame(): void {
    const length = this.#inFrame;
    this.#crc = sealFrame(this.#frame, length, this.#crc);
    const frame = this.#frame.subarray(0, FRAME_HEADER_BYTES + length);
    this.#file.write(frame, this.#position);
    this.#position += frame.length;
    this.#unsynced += frame.length;
    this.#dataBytes += length;
    this.#inFrame = 0;
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.close();
  }
}
