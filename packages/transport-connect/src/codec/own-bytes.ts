/** Commands up to this size share memory with others of their message. */
export const SMALL_BYTES = 4096;

/** How much of it: what the last small command of a message that is still needed may keep alive. */
export const SHARED_BYTES = 16_384;

/**
 * Gives the commands of one message memory of their own. A log keeps an entry long after its message, and one of 100 bytes that stays where it
 * was received could keep 4 MiB alive. But memory for each of a thousand small ones costs more than all the rest of receiving them, so these
 * share it, some at a time. A command that fills at least half of the received buffer stays where it is.
 */
export class OwnBytes {
  /** Bytes of small commands to come. */
  #smallBytes = 0;
  #room: Uint8Array = new Uint8Array(0);
  #usedBytes = 0;

  /** `entries` are those of the message, in order. */
  constructor(entries: readonly { readonly command: Uint8Array }[]) {
    for (const { command } of entries) {
      if (command.byteLength <= SMALL_BYTES) this.#smallBytes += command.byteLength;
    }
  }

  own(command: Uint8Array): Uint8Array {
    const { byteLength } = command;
    const isMost = byteLength * 2 >= command.buffer.byteLength;
    if (byteLength > SMALL_BYTES) return isMost ? command : new Uint8Array(command);
    // It keeps no more alive where it is.
    if (command.buffer.byteLength <= SHARED_BYTES) return command;
    if (this.#usedBytes + byteLength > this.#room.byteLength) {
      this.#room = new Uint8Array(Math.max(byteLength, Math.min(SHARED_BYTES, this.#smallBytes)));
      this.#usedBytes = 0;
    }
    const own = this.#room.subarray(this.#usedBytes, this.#usedBytes + byteLength);
    own.set(command);
    this.#usedBytes += byteLength;
    this.#smallBytes -= byteLength;
    return own;
  }
}
