import { ErrorCode } from "./errors.ts";
import type { HeaderList } from "./hpack/header-list.ts";

/** What whoever serves a request hears of it. Nothing comes after `closed`. */
export interface StreamListener {
  /** A part of the body. The bytes are not written again, but they keep a larger piece of memory: copy what is to stay. */
  data(bytes: Buffer): void;
  /** The body has come to its end. */
  end(): void;
  /** The request is over: answered and received in full (code 0), reset by either side, or its connection is gone. */
  closed(code: number): void;
  /** All that was written has left for the connection. */
  drained?(): void;
  /** The request has not come to its end within the server's time. Without an answer by the next time it is reset. */
  late?(): void;
}

/** A request under way, as whoever serves it sees it. */
export interface ServerStream {
  readonly id: number;
  /** Nobody can be told anything any more. */
  readonly isClosed: boolean;
  /** The head of the answer was given. */
  readonly isAnswered: boolean;
  /** The whole answer was given. */
  readonly isEnded: boolean;
  /** Bytes that were written here and wait for the peer, be it for its window or for it to read. */
  readonly queuedBytes: number;
  /** These, and all that the operating system has not taken of the whole connection. */
  readonly bufferedBytes: number;
  /** Whether `consume` says what was read of the body. Otherwise all is taken as read when `data` has had it. */
  isByHand: boolean;
  /** The peer may send so many bytes more. */
  consume(bytes: number): void;
  /** Headers of the answer, beginning with `:status`; a `date` is added. Once. */
  respond(headers: HeaderList): void;
  /** After `respond`. The bytes must not change any more. */
  write(bytes: Uint8Array): void;
  end(trailers?: HeaderList): void;
  /** All three at once. Does nothing once there is an answer. */
  answer(headers: HeaderList, body: Uint8Array | null, trailers: HeaderList | null): void;
  /** Breaks the request off; by default with CANCEL. */
  reset(code?: number): void;
}

/** The connection, as its streams see it. */
export interface StreamHost {
  readonly waitingBytes: number;
  /** Sends what there is of the stream, as far as may be. */
  send(stream: Stream): void;
  /** Sends an answer that is there as a whole, if nothing is in its way. */
  sendAtOnce(
    stream: Stream,
    headers: HeaderList,
    body: Uint8Array | null,
    trailers: HeaderList | null,
  ): boolean;
  consumed(stream: Stream, bytes: number): void;
  resetStream(stream: Stream, code: number): void;
  queued(bytes: number): void;
}

/** Hears nothing. */
export const NOBODY: StreamListener = { data() {}, end() {}, closed() {} };

/** A stream with all that its connection knows of it (RFC 9113, 5.1). */
export class Stream implements ServerStream {
  readonly id: number;
  readonly #host: StreamHost;
  listener: StreamListener = NOBODY;
  isClosed = false;
  isAnswered = false;
  isEnded = false;
  isByHand = false;
  /** The peer has sent all that it will. */
  isRemoteEnded = false;
  /** And so have we. */
  isLocalEnded = false;
  /** The answer has no body, whatever is written: the request was HEAD. */
  readonly isBodyless: boolean;
  readonly contentLength: number | null;
  receivedBytes = 0;
  /** Of the body, what `consume` has not been called for. */
  unconsumedBytes = 0;
  /** What was consumed and the peer does not know of. */
  uncreditedBytes = 0;
  receiveWindow: number;
  sendWindow: number;
  /** Number of the look of the server in which it was opened, or in which its time began anew. */
  sinceLook: number;

  /** What is to be sent, in this order. */
  head: HeaderList | null = null;
  chunks: Uint8Array[] | null = null;
  /** Bytes of the first chunk that are sent. */
  sentOfFirst = 0;
  queuedBytes = 0;
  trailers: HeaderList | null = null;

  constructor(
    host: StreamHost,
    id: number,
    isBodyless: boolean,
    contentLength: number | null,
    receiveWindow: number,
    sendWindow: number,
    look: number,
  ) {
    this.#host = host;
    this.id = id;
    this.isBodyless = isBodyless;
    this.contentLength = contentLength;
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
    this.sinceLook = look;
  }

  get bufferedBytes(): number {
    return this.queuedBytes + this.#host.waitingBytes;
  }

  consume(bytes: number): void {
    const consumed = Math.min(bytes, this.unconsumedBytes);
    if (consumed <= 0) return;
    this.unconsumedBytes -= consumed;
    this.#host.consumed(this, consumed);
  }

  respond(headers: HeaderList): void {
    if (this.isAnswered || this.isClosed) return;
    this.isAnswered = true;
    this.head = headers;
    if (!this.isBodyless) this.#host.send(this);
  }

  write(bytes: Uint8Array): void {
    if (this.isEnded || this.isClosed || this.isBodyless || bytes.byteLength === 0) return;
    this.#queue(bytes);
    this.#host.send(this);
  }

  end(trailers?: HeaderList): void {
    if (this.isEnded || this.isClosed) return;
    this.isEnded = true;
    if (!this.isBodyless) this.trailers = trailers ?? null;
    this.#host.send(this);
  }

  answer(headers: HeaderList, body: Uint8Array | null, trailers: HeaderList | null): void {
    if (this.isAnswered || this.isClosed) return;
    this.isAnswered = true;
    this.isEnded = true;
    if (this.isBodyless) {
      this.head = headers;
      this.#host.send(this);
      return;
    }
    if (this.#host.sendAtOnce(this, headers, body, trailers)) return;
    this.head = headers;
    if (body !== null && body.byteLength > 0) this.#queue(body);
    this.trailers = trailers;
    this.#host.send(this);
  }

  reset(code: number = ErrorCode.cancel): void {
    if (!this.isClosed) this.#host.resetStream(this, code);
  }

  /** So many bytes of the chunks are sent. */
  takeQueued(bytes: number): void {
    this.queuedBytes -= bytes;
    this.#host.queued(-bytes);
  }

  /** It is over: nothing of it is kept. */
  forget(): void {
    this.isClosed = true;
    this.head = null;
    this.chunks = null;
    this.trailers = null;
    this.#host.queued(-this.queuedBytes);
    this.queuedBytes = 0;
  }

  #queue(bytes: Uint8Array): void {
    this.chunks ??= [];
    this.chunks.push(bytes);
    this.queuedBytes += bytes.byteLength;
    this.#host.queued(bytes.byteLength);
  }
}
