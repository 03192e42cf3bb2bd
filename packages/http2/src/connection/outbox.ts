import type { Socket } from "node:net";
import { FRAME_HEADER_BYTES } from "../frames/frame-types.ts";

/** Room for at least one frame of the greatest size with its header. */
const BUFFER_BYTES = 64 * 1024;
const MAX_SPARE = 32;
/** What waits behind other bytes is copied if it is no more than this: it would keep a whole buffer. */
const SMALL_BYTES = 16 * 1024;

const EMPTY = Buffer.alloc(0);
const spare: Buffer[] = [];

/**
 * What a connection has to send, gathered in one buffer and written to its socket at the end of a turn: a system call for each answer would cost more than
 * the answer. Buffers go from connection to connection, as a socket that is read by its peer takes the bytes at once.
 */
export class Outbox {
  readonly #socket: Socket;
  #buffer: Buffer = EMPTY;
  #at = 0;
  #isHeld = false;
  #isWaiting = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The peer reads more slowly than we write. The socket emits `drain` when it has caught up. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Bytes that the operating system has not taken. */
  get waitingBytes(): number {
    return this.#at + this.#socket.writableLength;
  }

  /** Nothing is written until `release`, short of a full buffer. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.flush();
  }

  /** Begins a frame, of which `append` and `appendUint32` bring the payload. */
  begin(type: number, flags: number, streamId: number, length: number): void {
    this.#reserve(FRAME_HEADER_BYTES + length);
    const buffer = this.#buffer;
    const at = this.#at;
    buffer[at] = length >>> 16;
    buffer[at + 1] = length >>> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer[at + 5] = streamId >>> 24;
    buffer[at + 6] = streamId >>> 16;
    buffer[at + 7] = streamId >>> 8;
    buffer[at + 8] = streamId;
    this.#at = at + FRAME_HEADER_BYTES;
    if (!this.#isHeld && !this.#isWaiting) this.#flushSoon();
  }

  append(bytes: Uint8Array): void {
    const { byteLength } = bytes;
    // A call of the engine's own copying costs more than a few bytes do.
    if (byteLength > 24) this.#buffer.set(bytes, this.#at);
    else for (let i = 0; i < byteLength; i += 1) this.#buffer[this.#at + i] = bytes[i] ?? 0;
    this.#at += byteLength;
  }

  appendUint32(value: number): void {
    this.#buffer.writeUInt32BE(value, this.#at);
    this.#at += 4;
  }

  flush(): void {
    if (this.#at === 0) return;
    const buffer = this.#buffer;
    const bytes = buffer.subarray(0, this.#at);
    this.#at = 0;
    this.#buffer = EMPTY;
    if (this.#socket.writableLength > 0 && bytes.byteLength <= SMALL_BYTES) {
      this.#socket.write(Buffer.from(bytes));
    } else {
      this.#socket.write(bytes);
      // Otherwise it belongs to the socket now.
      if (this.#socket.writableLength > 0) return;
    }
    if (spare.length < MAX_SPARE) spare.push(buffer);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.byteLength) return;
    this.flush();
    this.#buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  #flushSoon(): void {
    this.#isWaiting = true;
    if (waiting.push(this) === 1) process.nextTick(flushWaiting);
  }

  /** See `flushWaiting`. */
  flushNow(): void {
    this.#isWaiting = false;
    this.flush();
  }
}

/** Those with something to send that has not come of what they received. */
let waiting: Outbox[] = [];

/** Runs once all promises that could be settled are: then all answers of the turn are there. */
function flushWaiting(): void {
  const outboxes = waiting;
  waiting = [];
  for (const outbox of outboxes) outbox.flushNow();
}
