/** Commands up to this size share memory with their neighbours. */
const SMALL_BYTES = 4096;

/** How much of it: what the last small command that is still needed may keep alive. */
const SHARED_BYTES = 16_384;

/**
 * Gives commands that are read from a segment memory of their own: what stays a part of the file's bytes would keep a whole segment in memory for as long as
 * one entry lives. Memory for each small one, however, takes five times what is in it, and most of the time of a start: these share it, some at a time.
 */
export class CommandMemory {
  #room: Uint8Array = new Uint8Array(0);
  #usedBytes = 0;

  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > SMALL_BYTES) return new Uint8Array(bytes);
    if (this.#usedBytes + length > this.#room.length) {
      this.#room = new Uint8Array(SHARED_BYTES);
      this.#usedBytes = 0;
    }
    const own = this.#room.subarray(this.#usedBytes, this.#usedBytes + length);
    own.set(bytes);
    this.#usedBytes += length;
    return own;
  }
}
