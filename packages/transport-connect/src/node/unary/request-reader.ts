import { Code, ConnectError } from "@connectrpc/connect";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/** Cuts the messages of a request out of its chunks, each into memory of its own. Says what is wrong in the words of Connect. */
export class RequestReader {
  readonly #maxBytes: number;
  readonly #read: (message: Uint8Array) => void;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  #message: Uint8Array | null = null;
  #messageBytes = 0;

  constructor(maxBytes: number, read: (message: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#read = read;
  }

  /** Throws a ConnectError for what cannot be a message, and whatever `read` throws. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength) {
      at += this.#message === null ? this.#takePrefix(chunk, at) : this.#takeMessage(chunk, at);
      this.#finish();
    }
  }

  /** Throws a ConnectError when that is in the middle of a message. */
  end(): void {
    if (this.#prefixBytes === 0) return;
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }

  #takePrefix(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + PREFIX_BYTES - this.#prefixBytes);
    this.#prefix.set(part, this.#prefixBytes);
    this.#prefixBytes += part.byteLength;
    if (this.#prefixBytes === PREFIX_BYTES) {
      this.#message = new Uint8Array(checkedLength(this.#prefix, this.#maxBytes));
    }
    return part.byteLength;
  }

  #takeMessage(chunk: Uint8Array, at: number): number {
    const message = this.#message ?? this.#prefix;
    const part = chunk.subarray(at, at + message.byteLength - this.#messageBytes);
    message.set(part, this.#messageBytes);
    this.#messageBytes += part.byteLength;
    return part.byteLength;
  }

  #finish(): void {
    const message = this.#message;
    if (message === null || this.#messageBytes < message.byteLength) return;
    this.#message = null;
    this.#messageBytes = 0;
    this.#prefixBytes = 0;
    if (isCompressed(this.#prefix)) throw compressed();
    this.#read(message);
  }
}

/** The one message of a chunk that consists of nothing else, in memory of its own if `isCopied`; null if it is something else, or faulty. */
export function wholeMessage(chunk: Uint8Array, maxBytes: number, isCopied: boolean): Uint8Array | null {
  const length = chunk.byteLength - PREFIX_BYTES;
  if (length < 0 || length > maxBytes || isCompressed(chunk) || lengthIn(chunk) !== length) return null;
  // Plain bytes: a slice of a Buffer would not be a copy.
  const message = new Uint8Array(chunk.buffer, chunk.byteOffset + PREFIX_BYTES, length);
  return isCopied ? message.slice() : message;
}

function checkedLength(prefix: Uint8Array, maxBytes: number): number {
  const length = lengthIn(prefix);
  if (length <= maxBytes) return length;
  const text = `message size ${length} is larger than configured readMaxBytes ${maxBytes}`;
  throw new ConnectError(text, Code.ResourceExhausted);
}

function lengthIn(prefix: Uint8Array): number {
  const high = (prefix[1] ?? 0) * 0x1000000;
  return high + (((prefix[2] ?? 0) << 16) | ((prefix[3] ?? 0) << 8) | (prefix[4] ?? 0));
}

function isCompressed(prefix: Uint8Array): boolean {
  return ((prefix[0] ?? 0) & COMPRESSED) !== 0;
}

function compressed(): ConnectError {
  const text = "received compressed envelope, but do not know how to decompress";
  return new ConnectError(text, Code.Internal);
}
