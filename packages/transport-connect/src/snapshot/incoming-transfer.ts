import { Code, ConnectError } from "@connectrpc/connect";
import type { InstallSnapshot, InstallSnapshotResponse, NodeId, Refusal } from "@eraft/core";
import type { Chunk, SnapshotProgress } from "@eraft/proto/eraft/peer/v1";
import type { TransferHeader } from "../codec/peer/snapshot-header.ts";
import { crc32c } from "./crc32c.ts";

/** The stream by which a transfer's sender is connected at the moment. */
export interface TransferStream {
  progress(progress: SnapshotProgress): void;
  answer(answer: TransferAnswer): void;
  /** Ends it. */
  end(error: ConnectError): void;
}

export type TransferAnswer = InstallSnapshotResponse | Refusal;

/**
 * A snapshot that comes in: the stream of bytes that the receiver reads, whichever connections it comes over. What has arrived and was not read
 * is kept, up to the window that its sender has been granted.
 */
export class IncomingTransfer implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly from: NodeId;
  readonly run: bigint;
  readonly transfer: number;
  readonly header: InstallSnapshot;
  readonly #sizeBytes: number;
  readonly #windowBytes: number;
  #stream: TransferStream | null = null;
  #chunks: Uint8Array[] = [];
  #receivedBytes = 0;
  #checksum = 0;
  #takenBytes = 0;
  /** Bytes of the chunk that the reader has in hand. */
  #inHandBytes = 0;
  #reader: PromiseWithResolvers<IteratorResult<Uint8Array>> | null = null;
  #isBegun = false;
  #isLeft = false;
  #isStored = false;
  #heardAtMs = 0;
  #failure: ConnectError | null = null;
  #answer: TransferAnswer | null = null;

  constructor({ header, transfer, sizeBytes }: TransferHeader, run: bigint, windowBytes: number) {
    this.from = header.from;
    this.run = run;
    this.transfer = transfer;
    this.header = header;
    this.#sizeBytes = sizeBytes;
    this.#windowBytes = windowBytes;
  }

  get isConnected(): boolean {
    return this.#stream !== null;
  }

  /** It failed, or its answer is known: nothing more is to come. */
  get isOver(): boolean {
    return this.#failure !== null || this.#answer !== null;
  }

  /** The reader is not done with it. */
  get isOpen(): boolean {
    return !this.isOver && !this.#isStored;
  }

  /** The reader has not begun, or has all bytes and is busy with them: there is nothing that a sender could see of its work. */
  get isAtWork(): boolean {
    return this.isOpen && (!this.#isBegun || this.#takenBytes === this.#sizeBytes);
  }

  /** For how long the reader, at `nowMs`, has been waiting for the sender. */
  starvedMs(nowMs: number): number {
    return this.#reader === null ? 0 : nowMs - this.#heardAtMs;
  }

  get progress(): SnapshotProgress {
    return {
      $typeName: "eraft.peer.v1.SnapshotProgress",
      receivedBytes: BigInt(this.#receivedBytes),
      checksum: this.#checksum,
      takenBytes: BigInt(this.#takenBytes),
      windowBytes: BigInt(this.#windowBytes),
    };
  }

  /** The sender has come, or come back. Whatever stream it had before is of no use any more. */
  attach(stream: TransferStream, nowMs: number): void {
    const previous = this.#stream;
    this.#stream = stream;
    this.#heardAtMs = nowMs;
    previous?.end(new ConnectError("the transfer goes on over another stream", Code.Aborted));
    if (this.#answer !== null) stream.answer(this.#answer);
    else if (this.#failure !== null) stream.end(this.#failure);
  }

  /** The connection broke. */
  detach(stream: TransferStream): void {
    if (this.#stream === stream) this.#stream = null;
  }

  /** Tells the sender how far it is, or at least that somebody is there. */
  tell(): void {
    this.#stream?.progress(this.progress);
  }

  /** Takes the next bytes, or returns the error to end the stream with. */
  receive({ offset, data, checksum }: Chunk, nowMs: number): ConnectError | null {
    if (this.isOver) return null;
    this.#heardAtMs = nowMs;
    const end = this.#receivedBytes + data.byteLength;
    if (offset !== BigInt(this.#receivedBytes) || data.byteLength === 0 || end > this.#sizeBytes) {
      const text = `bytes ${offset} to ${Number(offset) + data.byteLength} where ${this.#receivedBytes} was next`;
      return new ConnectError(`${text}, of ${this.#sizeBytes}`, Code.InvalidArgument);
    }
    if (end - this.#takenBytes > this.#windowBytes && this.#receivedBytes > this.#takenBytes) {
      return new ConnectError(`more than ${this.#windowBytes} bytes ahead`, Code.ResourceExhausted);
    }
    const found = crc32c(data, this.#checksum);
    if (found !== checksum) {
      return new ConnectError(`the bytes up to ${end} are not those that were sent`, Code.DataLoss);
    }
    this.#checksum = found;
    this.#receivedBytes = end;
    this.#hand(data);
    return null;
  }

  /** The core's answer: the sender gets it now, or when it comes back. */
  answered(answer: TransferAnswer): void {
    if (this.isOver) return;
    this.#answer = answer;
    this.#stream?.answer(answer);
    this.#release(new ConnectError("the snapshot was answered before its end", Code.Canceled));
  }

  /** The receiver has done all it will do; the answer comes separately. */
  stored(): void {
    this.#isStored = true;
  }

  /** Nothing more will come, and the reader is to know that what it has is not all. */
  fail(error: ConnectError): void {
    if (this.isOver) return;
    this.#failure = error;
    this.#chunks = [];
    this.#release(error);
    this.#stream?.end(error);
    this.#stream = null;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  /** Asking for more says that the bytes before are stored. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#isBegun = true;
    this.#take(this.#inHandBytes);
    this.#inHandBytes = 0;
    if (this.#failure !== null) throw this.#failure;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return this.#give(chunk);
    if (this.#receivedBytes === this.#sizeBytes || this.#isLeft) return { done: true, value: undefined };
    if (this.#answer !== null)
      throw new ConnectError("the snapshot was answered before its end", Code.Canceled);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** The reader needs no more of it: what comes is thrown away, until its sender has its answer. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isBegun = true;
    this.#isLeft = true;
    this.#chunks = [];
    this.#take(this.#receivedBytes - this.#takenBytes);
    return { done: true, value: undefined };
  }

  #hand(chunk: Uint8Array): void {
    if (this.#isLeft) return this.#take(chunk.byteLength);
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) this.#chunks.push(chunk);
    else reader.resolve(this.#give(chunk));
  }

  /** A reader that waits does so in vain. */
  #release(error: ConnectError): void {
    this.#reader?.reject(error);
    this.#reader = null;
  }

  #give(chunk: Uint8Array): IteratorResult<Uint8Array> {
    this.#inHandBytes = chunk.byteLength;
    return { done: false, value: chunk };
  }

  #take(sizeBytes: number): void {
    if (sizeBytes === 0) return;
    this.#takenBytes += sizeBytes;
    this.tell();
  }
}
