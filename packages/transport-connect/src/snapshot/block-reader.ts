import type { OutgoingSnapshot } from "@eraft/core";

/** Reads a snapshot in blocks of its own choosing, and checks that it is as long as it was announced. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #sizeBytes: number;
  readonly #blockBytes: number;
  /** Of the chunk that was read last, what has not been handed out. */
  #rest: Uint8Array = new Uint8Array(0);
  #readBytes = 0;

  constructor({ chunks, size }: OutgoingSnapshot, blockBytes: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#sizeBytes = size;
    this.#blockBytes = blockBytes;
  }

  /**
   * The next block, in memory of its own: whose the chunks are, and for how long, is not ours to say. Null at the end. Rejects as the chunks do, and when
   * there are not as many bytes as announced.
   */
  async next(): Promise<Uint8Array | null> {
    const block = new Uint8Array(Math.min(this.#blockBytes, this.#sizeBytes - this.#readBytes));
    let filled = 0;
    while (filled < block.byteLength) {
      if (this.#rest.byteLength === 0 && !(await this.#read())) {
        throw new RangeError(
          `the snapshot has ${this.#readBytes + filled} bytes, not the ${this.#sizeBytes} it was announced with`,
        );
      }
      const part = this.#rest.subarray(0, block.byteLength - filled);
      block.set(part, filled);
      filled += part.byteLength;
      this.#rest = this.#rest.subarray(part.byteLength);
    }
    this.#readBytes += filled;
    if (filled > 0) return block;
    if (this.#rest.byteLength > 0 || (await this.#read())) {
      throw new RangeError(`the snapshot has more than the ${this.#sizeBytes} bytes it was announced with`);
    }
    return null;
  }

  /** Lets go of what was not read. Waits for nobody: a disk that hangs in the middle of a chunk does so for ever. */
  close(): void {
    void this.#chunks.return?.().catch(() => {});
  }

  /** The next chunk that has bytes; false if there is none. */
  async #read(): Promise<boolean> {
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
      if (this.#rest.byteLength > 0) return true;
    }
  }
}

/** The whole of it in one piece. Rejects when it is not exactly as long as it was announced. */
export async function wholeSnapshot(snapshot: OutgoingSnapshot): Promise<Uint8Array> {
  const reader = new BlockReader(snapshot, Math.max(1, snapshot.size));
  try {
    const bytes = await reader.next();
    if (bytes !== null) await reader.next();
    return bytes ?? new Uint8Array(0);
  } finally {
    reader.close();
  }
}
