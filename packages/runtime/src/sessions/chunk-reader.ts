import { SessionFormatError } from "./session-format-error.ts";

/** Reads so many bytes at a time from chunks that are cut anyhow. */
export class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #left: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * The next `size` bytes; they may be part of a chunk. What is not there is not allocated: a damaged length takes no memory.
   *
   * @throws SessionFormatError if there are not so many
   */
  async take(size: number): Promise<Uint8Array> {
    if (this.#left.length < size) await this.#gather(size);
    const taken = this.#left.subarray(0, size);
    this.#left = this.#left.subarray(size);
    return taken;
  }

  /** What is left, chunk by chunk. Can be iterated once. */
  async *rest(): AsyncGenerator<Uint8Array, undefined> {
    try {
      if (this.#left.length > 0) yield this.#left;
      for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
        yield next.value;
      }
    } finally {
      await this.#chunks.return?.();
    }
  }

  async #gather(size: number): Promise<void> {
    const pieces = [this.#left.slice()];
    let length = this.#left.length;
    while (length < size) {
      const next = await this.#chunks.next();
      if (next.done === true) throw new SessionFormatError("the snapshot ends in the middle of its sessions");
      // A copy: a chunk is its producer's again as soon as the next one is asked for.
      pieces.push(next.value.slice());
      length += next.value.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#left = all;
  }
}
