import { ConnectionError, ErrorCode } from "../errors.ts";
import { Flag } from "../frames/frame-types.ts";

/** Frames of one block: 16 KiB of headers, all that anybody may send by default, take two. */
const MAX_FRAMES = 16;

/** A block of headers that goes on in CONTINUATION frames, which nothing may come between (RFC 9113, 6.10). */
export class HeaderBlocks {
  readonly #maxBytes: number;
  #streamId = 0;
  #flags = 0;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isWithin(): boolean {
    return this.#streamId !== 0;
  }

  begin(streamId: number, flags: number, part: Buffer): void {
    this.#streamId = streamId;
    this.#flags = flags;
    this.#add(part);
  }

  /** The whole block, with the flags of its HEADERS, once it is there. */
  goOn(
    streamId: number,
    flags: number,
    part: Buffer,
  ): { readonly flags: number; readonly block: Buffer } | null {
    if (streamId !== this.#streamId || streamId === 0) {
      throw new ConnectionError(ErrorCode.protocolError, "CONTINUATION of nothing");
    }
    this.#add(part);
    if ((flags & Flag.endHeaders) === 0) return null;
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#streamId = 0;
    return { flags: this.#flags, block };
  }

  /** Nobody needs as many bytes, or frames, as it takes to keep a server busy with headers that never end. */
  #add(part: Buffer): void {
    this.#parts.push(Buffer.from(part));
    this.#bytes += part.byteLength;
    if (this.#bytes > this.#maxBytes || this.#parts.length > MAX_FRAMES) {
      throw new ConnectionError(ErrorCode.enhanceYourCalm, "headers that do not come to an end");
    }
  }
}
