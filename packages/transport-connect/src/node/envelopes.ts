import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ExchangeRequestSchema, InstallSnapshotRequestSchema } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeRequest, InstallSnapshotRequest } from "@eraft/proto/eraft/peer/v1";
import { decodeExchange } from "../codec/peer/decode-exchange.ts";
import { encodeChunk } from "../codec/peer/encode-chunk.ts";
import { encodeExchange } from "../codec/peer/encode-exchange.ts";

/** How gRPC frames a message: a byte of flags, its length in four bytes, the message. */
const PREFIX_BYTES = 5;

export function encodeEnvelope<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const envelope = encodeFast(schema, message);
  if (envelope !== null) return withPrefix(envelope);
  return encloseInEnvelope(toBinary(schema, message));
}

/** What is large, or comes often, written with one copy. Null for everything else. */
function encodeFast<D extends DescMessage>({ typeName }: D, message: MessageShape<D>): Buffer | null {
  switch (typeName) {
    case ExchangeRequestSchema.typeName:
      return encodeExchange(message as unknown as ExchangeRequest, PREFIX_BYTES, allocate);
    case InstallSnapshotRequestSchema.typeName:
      return encodeChunk(message as unknown as InstallSnapshotRequest, PREFIX_BYTES, allocate);
    default:
      return null;
  }
}

/** Throws what `fromBinary` does for bytes that are no such message. */
export function decodeMessage<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  if (schema.typeName === ExchangeRequestSchema.typeName) {
    const frame = decodeExchange(bytes);
    if (frame !== null) return frame as unknown as MessageShape<D>;
  }
  return fromBinary(schema, bytes);
}

function allocate(sizeBytes: number): Buffer {
  return Buffer.allocUnsafe(sizeBytes);
}

export function encloseInEnvelope(bytes: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(PREFIX_BYTES + bytes.byteLength);
  envelope.set(bytes, PREFIX_BYTES);
  return withPrefix(envelope);
}

/** The message is there already. */
function withPrefix(envelope: Buffer): Buffer {
  envelope[0] = 0;
  envelope.writeUInt32BE(envelope.byteLength - PREFIX_BYTES, 1);
  return envelope;
}

/**
 * Cuts messages out of the chunks of a stream. One that lies within a chunk is not copied; one that does not is copied once, however many chunks
 * it takes.
 */
export class EnvelopeReader {
  readonly #maxBytes: number;
  readonly #read: (message: Uint8Array) => void;
  /** Of the next message, what has come: first of its prefix, then of itself. */
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  #message: Buffer | null = null;
  #messageBytes = 0;

  constructor(maxBytes: number, read: (message: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#read = read;
  }

  /** In the middle of a message. */
  get isWithin(): boolean {
    return this.#prefixBytes > 0;
  }

  /** Takes the next bytes. Throws a ConnectError for what cannot be a message, and whatever `read` throws. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.byteLength) {
      at += this.#prefixBytes < PREFIX_BYTES ? this.#takePrefix(chunk, at) : this.#takeMessage(chunk, at);
      // Also for a message of no bytes, which would otherwise wait for the next chunk.
      if (this.#isComplete()) this.#finish();
    }
  }

  #takePrefix(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#prefix, this.#prefixBytes, at);
    this.#prefixBytes += taken;
    if (this.#prefixBytes < PREFIX_BYTES) return taken;
    if (this.#prefix[0] !== 0) throw new ConnectError("messages are not compressed here", Code.Unimplemented);
    const length = this.#prefix.readUInt32BE(1);
    if (length > this.#maxBytes) {
      const text = `a message of ${length} bytes is above the limit of ${this.#maxBytes} bytes`;
      throw new ConnectError(text, Code.ResourceExhausted);
    }
    const from = at + taken;
    if (chunk.byteLength - from < length) {
      // Not from the pool: an entry that is kept would keep the whole slab.
      this.#message = Buffer.allocUnsafeSlow(length);
      return taken;
    }
    this.#message = chunk.subarray(from, from + length);
    this.#messageBytes = length;
    return taken + length;
  }

  #takeMessage(chunk: Buffer, at: number): number {
    const message = this.#message ?? this.#prefix;
    const taken = chunk.copy(message, this.#messageBytes, at);
    this.#messageBytes += taken;
    return taken;
  }

  #isComplete(): boolean {
    return this.#message !== null && this.#messageBytes === this.#message.byteLength;
  }

  #finish(): void {
    const message = this.#message;
    this.#message = null;
    this.#messageBytes = 0;
    this.#prefixBytes = 0;
    if (message === null) return;
    // Plain bytes, as everybody else's: a Buffer would go on into the log, and slices of it behave differently.
    this.#read(new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
  }
}
