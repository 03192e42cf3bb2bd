import { ConnectionError, ErrorCode } from "../errors.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, PREFACE } from "./frame-types.ts";

export interface FrameSink {
  /** Nothing that comes later counts. */
  readonly isOver: boolean;
  /** The payload is from `from` to `to`; `bytes` are not written again. */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void;
}

/** Cuts what a client sends into frames, in place: only a frame that continues in the next chunk is copied. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The bytes of the preface that have come. */
  #prefaceBytes = 0;
  /** The beginning of a frame. */
  #kept: Buffer | null = null;
  #keptBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Throws a ConnectionError for what cannot be HTTP/2, and whatever the sink throws. */
  push(chunk: Buffer): void {
    let at = this.#prefaceBytes < PREFACE.byteLength ? this.#takePreface(chunk) : 0;
    if (this.#kept !== null) at = this.#complete(chunk, at);
    const end = chunk.byteLength;
    while (end - at >= FRAME_HEADER_BYTES && !this.#sink.isOver) {
      const next = at + FRAME_HEADER_BYTES + lengthAt(chunk, at);
      if (next > end) break;
      this.#frame(chunk, at, next);
      at = next;
    }
    if (at < end && !this.#sink.isOver) this.#keep(chunk, at);
  }

  #takePreface(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.byteLength && this.#prefaceBytes < PREFACE.byteLength) {
      if (chunk[at] !== PREFACE[this.#prefaceBytes]) {
        throw new ConnectionError(ErrorCode.protocolError, "not the preface of HTTP/2");
      }
      at += 1;
      this.#prefaceBytes += 1;
    }
    return at;
  }

  #frame(bytes: Buffer, at: number, next: number): void {
    const streamId =
      (((bytes[at + 5] ?? 0) & 0x7f) << 24) |
      ((bytes[at + 6] ?? 0) << 16) |
      ((bytes[at + 7] ?? 0) << 8) |
      (bytes[at + 8] ?? 0);
    this.#sink.frame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, streamId, bytes, at + FRAME_HEADER_BYTES, next);
  }

  /** Memory of its own for each: what is in it may be kept by whoever reads it, as what is in a chunk. */
  #keep(chunk: Buffer, at: number): void {
    const isSized = chunk.byteLength - at >= FRAME_HEADER_BYTES;
    this.#kept = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + (isSized ? lengthAt(chunk, at) : 0));
    this.#keptBytes = chunk.copy(this.#kept, 0, at);
  }

  /** Goes on with the frame that has begun in an earlier chunk. Returns where it ends in this one. */
  #complete(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#kept !== null && at < chunk.byteLength) {
      const taken = chunk.copy(this.#kept, this.#keptBytes, at);
      this.#keptBytes += taken;
      at += taken;
      if (this.#keptBytes < this.#kept.byteLength) return at;
      const length = FRAME_HEADER_BYTES + lengthAt(this.#kept, 0);
      if (this.#kept.byteLength < length) {
        const header = this.#kept;
        this.#kept = Buffer.allocUnsafeSlow(length);
        this.#kept.set(header);
      } else {
        const frame = this.#kept;
        this.#kept = null;
        this.#frame(frame, 0, length);
        return at;
      }
    }
    return at;
  }
}

/** Throws before anything is kept of a frame that is too large. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  if (length <= MAX_FRAME_BYTES) return length;
  throw new ConnectionError(ErrorCode.frameSizeError, `a frame of ${length} bytes`);
}
