import { crc32c } from "./crc32c.ts";

/** Some bytes of a snapshot on their way, kept until the receiver has stored them. */
export interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Of the whole snapshot, up to here and up to the end of `bytes`. */
  readonly checksumBefore: number;
  readonly checksum: number;
}

/** The part of a snapshot that its sender has read and the receiver has not stored: what it can send again. */
export class SnapshotWindow {
  #blocks: Block[] = [];
  /** Which block goes out next. */
  #next = 0;
  #readBytes = 0;
  #checksum = 0;

  /** What is before this byte can no longer be sent. */
  get resumableFrom(): number {
    return this.#blocks[0]?.offset ?? this.#readBytes;
  }

  /** How much of the snapshot has been put in. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** Takes the bytes after those before; they must not change any more. */
  put(bytes: Uint8Array): void {
    const checksumBefore = this.#checksum;
    this.#checksum = crc32c(bytes, checksumBefore);
    this.#blocks.push({ offset: this.#readBytes, bytes, checksumBefore, checksum: this.#checksum });
    this.#readBytes += bytes.byteLength;
  }

  /** The next block to send; null if all are sent. */
  peek(): Block | null {
    return this.#blocks[this.#next] ?? null;
  }

  sent(): void {
    this.#next += 1;
  }

  /** The receiver has stored everything before `offset`. */
  release(offset: number): void {
    while (this.#next > 0) {
      const [first] = this.#blocks;
      if (first === undefined || first.offset + first.bytes.byteLength > offset) return;
      this.#blocks.shift();
      this.#next -= 1;
    }
  }

  /** Goes on after the first `offset` bytes, which the receiver has with this checksum. False if it has something else than was sent. */
  resume(offset: number, checksum: number): boolean {
    if (offset === this.#readBytes && checksum === this.#checksum) {
      this.#next = this.#blocks.length;
      return true;
    }
    const at = this.#blocks.findIndex((block) => block.offset === offset);
    if (at === -1 || this.#blocks[at]?.checksumBefore !== checksum) return false;
    this.#next = at;
    return true;
  }
}
