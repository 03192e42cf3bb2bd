import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { CallSignal, UnaryContext, UnaryRoute } from "../../direct/unary.ts";
import { encloseInEnvelope } from "../envelopes.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { RequestReader, wholeMessage } from "./request-reader.ts";

/** What a call needs of the server that it came to. */
export interface CallHost {
  readonly deadlines: Deadlines;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
}

export const CONTENT_TYPE = "application/grpc+proto";
export const SUCCESS = "0";

/** One unary gRPC call, straight on HTTP/2, whoever serves that. What few calls need is made when it is asked for. */
export abstract class UnaryCall implements UnaryContext, CallSignal, Expiring {
  readonly #route: UnaryRoute;
  readonly #host: CallHost;
  #reader: RequestReader | null = null;
  #request: MessageShape<DescMessage> | null = null;
  /** Instead of it, if the route may be content with them. */
  #requestBytes: Uint8Array | null = null;
  /** The handler has been called, or the answer is known without it. */
  #isBegun = false;
  #isAnswered = false;
  #isClosed = false;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #hasTimer = false;
  #reason: ConnectError | undefined;
  #listeners: (() => void)[] | null = null;
  #requestHeader: Headers | null = null;
  #responseHeader: Headers | null = null;
  #responseTrailer: Headers | null = null;

  constructor(route: UnaryRoute, host: CallHost) {
    this.#route = route;
    this.#host = host;
  }

  // --- what HTTP/2 brings

  /** The caller cannot be told anything any more. */
  protected abstract readonly isBroken: boolean;
  /** As Connect shows them to handlers. */
  protected abstract headers(): Headers;
  /** Null for headers of nothing but the type, no message, and trailers of nothing but success. */
  protected abstract send(header: Headers | null, envelope: Buffer | null, trailer: Headers | null): void;
  /** A status that many calls end with. */
  protected abstract sendFrozen(header: Headers | null, error: ConnectError): void;
  protected abstract sendLate(timeoutMs: number): void;
  protected abstract breakOff(): void;

  /** To be called once, when the call is ready to receive, with the header `grpc-timeout`. */
  begin(timeout: string | undefined): void {
    if (timeout === undefined) return;
    const { error, timeoutMs } = parseTimeout(timeout, Number.MAX_SAFE_INTEGER);
    if (timeoutMs !== undefined) this.#deadlineMs = performance.now() + timeoutMs;
    if (error !== undefined) this.fail(error);
  }

  data(chunk: Buffer): void {
    if (this.#isBegun) return;
    const maxBytes = this.#route.readMaxBytes ?? this.#host.readMaxBytes;
    try {
      if (this.#reader === null && !this.#hasRequest()) {
        const message = wholeMessage(chunk, maxBytes, this.#route.handleBytes === null);
        if (message !== null) return this.#read(message);
      }
      this.#reader ??= new RequestReader(maxBytes, (message) => this.#read(message));
      this.#reader.push(chunk);
    } catch (reason) {
      this.fail(ConnectError.from(reason));
    }
  }

  /** The request has come to its end. */
  end(): void {
    if (this.#isBegun) return;
    try {
      this.#reader?.end();
    } catch (reason) {
      return this.fail(ConnectError.from(reason));
    }
    if (this.#requestBytes !== null) return this.#handleBytes(this.#requestBytes);
    if (this.#request !== null) return this.#handle(this.#request);
    this.fail(faultyRequest("missing input message for unary method"));
  }

  /** The caller has left, or has its answer, or the connection broke. */
  closed(): void {
    this.#isClosed = true;
    if (!this.#isAnswered) this.#abort(new ConnectError("the caller has left", Code.Canceled));
    this.#dropTimer();
  }

  /** Answers with an error, unless there is an answer. */
  readonly fail = (reason: unknown): void => {
    this.#isBegun = true;
    if (this.#isGone()) return;
    this.#isAnswered = true;
    this.#dropTimer();
    const error = reason instanceof ConnectError ? reason : new ConnectError("internal error", Code.Internal);
    // Who gives one error to everybody has no time for each of them.
    if (Object.isFrozen(error) && this.#responseTrailer === null) {
      return this.sendFrozen(this.#responseHeader, error);
    }
    try {
      setTrailerStatus(this.responseTrailer, error);
    } catch {
      // Its text cannot be encoded. See `server/malformed.ts`.
      setTrailerStatus(
        this.responseTrailer,
        new ConnectError("the request could not be read", Code.InvalidArgument),
      );
    }
    this.send(this.#responseHeader, null, this.#responseTrailer);
  };

  /** Its request should have come to its end. A caller that has its answer, and goes on sending, is broken off. */
  isLate(timeoutMs: number): void {
    // Not both at once: the end of the call would take the answer's place.
    if (this.#isAnswered) return this.breakOff();
    this.#isBegun = true;
    this.#isAnswered = true;
    this.sendLate(timeoutMs);
  }

  // --- what handlers see

  get signal(): CallSignal {
    return this;
  }

  timeoutMs(): number | undefined {
    if (this.#deadlineMs === Number.POSITIVE_INFINITY) return undefined;
    return this.#deadlineMs - performance.now();
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.headers();
    return this.#requestHeader;
  }

  abstract requestHeaderValue(name: string): string | undefined;

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers({ "content-type": CONTENT_TYPE });
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers({ "grpc-status": SUCCESS });
    return this.#responseTrailer;
  }

  get aborted(): boolean {
    return this.#reasonByNow !== undefined;
  }

  get reason(): unknown {
    return this.#reasonByNow;
  }

  throwIfAborted(): void {
    const reason = this.#reasonByNow;
    if (reason !== undefined) throw reason;
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#isAnswered || this.#reason !== undefined) return;
    this.#listeners ??= [];
    this.#listeners.push(listener);
    if (this.#hasTimer || this.#deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#hasTimer = true;
    this.#host.deadlines.add(this, this.#deadlineMs);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (this.#listeners === null) return;
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  expired(): void {
    if (!this.#isAnswered) this.#abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
  }

  // --- inside

  /** A deadline that has passed counts, whether or not somebody has waited for it. */
  get #reasonByNow(): ConnectError | undefined {
    if (this.#reason === undefined && performance.now() >= this.#deadlineMs) this.expired();
    return this.#reason;
  }

  #hasRequest(): boolean {
    return this.#request !== null || this.#requestBytes !== null;
  }

  #read(bytes: Uint8Array): void {
    if (this.#route.handleBytes !== null && !this.#hasRequest()) {
      this.#requestBytes = bytes;
      return;
    }
    // Of several faults, the first one is told.
    if (this.#requestBytes !== null) this.#decode(this.#requestBytes);
    const request = this.#decode(bytes);
    if (this.#hasRequest()) throw faultyRequest("received extra input message for unary method");
    this.#request = request;
  }

  #decode(bytes: Uint8Array): MessageShape<DescMessage> {
    try {
      return fromBinary(this.#route.method.input, bytes);
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      throw new ConnectError(`parse binary: ${text}`, Code.InvalidArgument);
    }
  }

  #handleBytes(bytes: Uint8Array): void {
    try {
      const answer = this.#route.handleBytes?.(bytes, this) ?? null;
      // The other handler owns what it gets.
      if (answer === null) return this.#handle(this.#decode(bytes.slice()));
      this.#isBegun = true;
      if (answer instanceof Promise) void answer.then(this.#answerBytes, this.fail);
      else this.#answerBytes(answer);
    } catch (reason) {
      this.fail(reason);
    }
  }

  #handle(request: MessageShape<DescMessage>): void {
    this.#isBegun = true;
    try {
      const answer = this.#route.handle(request, this);
      if (answer instanceof Promise) void answer.then(this.#answer, this.fail);
      else this.#answer(answer);
    } catch (reason) {
      this.fail(reason);
    }
  }

  readonly #answer = (answer: MessageInitShape<DescMessage>): void => {
    if (this.#isGone()) return;
    let envelope: Buffer;
    try {
      envelope = this.#encode(answer);
    } catch (reason) {
      return this.fail(reason);
    }
    this.#sendAnswer(envelope);
  };

  readonly #answerBytes = (bytes: Uint8Array): void => {
    if (this.#isGone()) return;
    try {
      this.#sendAnswer(this.#enclose(bytes));
    } catch (reason) {
      this.fail(reason);
    }
  };

  #sendAnswer(envelope: Buffer): void {
    this.#isAnswered = true;
    this.#dropTimer();
    this.send(this.#responseHeader, envelope, this.#responseTrailer);
  }

  #encode(answer: MessageInitShape<DescMessage>): Buffer {
    const { output } = this.#route.method;
    let bytes: Uint8Array;
    try {
      bytes = toBinary(output, create(output, answer));
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      throw new ConnectError(`serialize binary: ${text}`, Code.Internal);
    }
    return this.#enclose(bytes);
  }

  #enclose(bytes: Uint8Array): Buffer {
    const { writeMaxBytes } = this.#host;
    if (bytes.byteLength <= writeMaxBytes) return encloseInEnvelope(bytes);
    const text = `message size ${bytes.byteLength} is larger than configured writeMaxBytes ${writeMaxBytes}`;
    throw new ConnectError(text, Code.ResourceExhausted);
  }

  #isGone(): boolean {
    return this.#isAnswered || this.#isClosed || this.isBroken;
  }

  #abort(reason: ConnectError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = null;
    for (const listener of listeners) listener();
  }

  #dropTimer(): void {
    if (!this.#hasTimer) return;
    this.#hasTimer = false;
    this.#host.deadlines.delete(this, this.#deadlineMs);
  }
}

function faultyRequest(text: string): ConnectError {
  return new ConnectError(`protocol error: ${text}`, Code.Unimplemented);
}
