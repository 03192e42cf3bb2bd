import type * as http2 from "node:http2";
import type { UnaryRoute } from "../../direct/unary.ts";
import type { ServerLimits } from "../limits.ts";
import { Deadlines } from "./deadlines.ts";
import { UnaryCall } from "./unary-call.ts";
import type { CallHost } from "./unary-call.ts";

/** How often in a timeout the requests are looked at; one is answered at most so much of the timeout late. */
const LOOKS = 4;

/** The bit of HEADERS that says that no body comes (RFC 9113, 6.2). */
const END_STREAM = 1;

const CALL = Symbol("call");
type CalledStream = http2.ServerHttp2Stream & { [CALL]: UnaryCall };

/**
 * Serves unary gRPC calls of the methods that are registered for it straight on HTTP/2. Connect's adapter makes a dozen async generators, an abort
 * controller, two `Headers` and a URL for each, which takes five times as long as all the rest.
 */
export class UnaryServer implements CallHost {
  readonly deadlines: Deadlines = new Deadlines();
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly #routes: ReadonlyMap<string, UnaryRoute>;
  readonly #timeoutMs: number;
  /** Calls whose request has not come to its end, with how often they were looked at. */
  readonly #receiving = new Map<UnaryCall, number>();
  #timer: NodeJS.Timeout | null = null;
  /** The last one that was found to be an address. */
  #plainAuthority = "";

  /** `routes`: by their paths. */
  constructor(
    routes: ReadonlyMap<string, UnaryRoute>,
    { readMaxBytes, requestTimeoutMs, writeMaxBytes }: ServerLimits,
  ) {
    this.#routes = routes;
    this.readMaxBytes = readMaxBytes;
    this.writeMaxBytes = writeMaxBytes;
    this.#timeoutMs = requestTimeoutMs;
  }

  /** Serves the call if it is one for here; false if it is not. */
  accept(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, flags: number): boolean {
    const route = this.#routeOf(headers);
    if (route === undefined) return false;
    const call = new UnaryCall(stream, headers, route, this);
    (stream as CalledStream)[CALL] = call;
    this.#receiving.set(call, 0);
    this.#timer ??= setInterval(this.#look, Math.ceil(this.#timeoutMs / LOOKS)).unref();
    stream.on("error", onError);
    stream.on("close", onClose);
    stream.on("wantTrailers", onWantTrailers);
    call.begin();
    if ((flags & END_STREAM) !== 0) {
      call.receivedAll();
    } else {
      stream.on("data", onData);
      stream.on("end", onEnd);
    }
    return true;
  }

  received(call: UnaryCall): void {
    this.#receiving.delete(call);
  }

  #routeOf(headers: http2.IncomingHttpHeaders): UnaryRoute | undefined {
    const type = headers["content-type"];
    if (type !== "application/grpc" && type !== "application/grpc+proto") return undefined;
    if (headers[":method"] !== "POST" || headers.expect !== undefined) return undefined;
    const encoding = headers["grpc-encoding"];
    if (encoding !== undefined && encoding !== "identity") return undefined;
    const route = this.#routes.get(headers[":path"] ?? "");
    return route === undefined || !this.#isPlain(headers[":authority"]) ? undefined : route;
  }

  /** Of the others, Connect decides whether they are addresses at all. */
  #isPlain(authority: string | undefined): boolean {
    if (authority === undefined) return false;
    if (authority === this.#plainAuthority) return true;
    if (!URL.canParse(`http://${authority}`)) return false;
    this.#plainAuthority = authority;
    return true;
  }

  readonly #look = (): void => {
    if (this.#receiving.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    for (const [call, looks] of this.#receiving) {
      this.#receiving.set(call, looks + 1);
      if (looks >= LOOKS) call.isLate(this.#timeoutMs);
    }
  };
}

// The same functions for all calls, which find theirs by the stream.

function onData(this: http2.ServerHttp2Stream, chunk: Buffer): void {
  (this as CalledStream)[CALL].receive(chunk);
}

function onEnd(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].receivedAll();
}

function onClose(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].closed();
}

function onWantTrailers(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].sendTrailers();
}

/** It is closed, too, and that is all there is to know. */
function onError(): void {}
