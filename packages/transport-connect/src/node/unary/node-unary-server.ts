import type * as http2 from "node:http2";
import type { UnaryRoute } from "../../direct/unary.ts";
import type { ServerLimits } from "../limits.ts";
import { Deadlines } from "./deadlines.ts";
import { NodeUnaryCall } from "./node-unary-call.ts";
import type { NodeCallHost } from "./node-unary-call.ts";
import { UnaryRoutes } from "./unary-routes.ts";

/** How often in a timeout the requests are looked at; one is answered at most so much of the timeout late. */
const LOOKS = 4;

/** The bit of HEADERS that says that no body comes (RFC 9113, 6.2). */
const END_STREAM = 1;

const CALL = Symbol("call");
type CalledStream = http2.ServerHttp2Stream & { [CALL]: NodeUnaryCall };

/**
 * Serves unary gRPC calls of the methods that are registered for it straight on Node's HTTP/2. Connect's adapter makes a dozen async generators, an abort
 * controller, two `Headers` and a URL for each, which takes five times as long as all the rest.
 */
export class NodeUnaryServer implements NodeCallHost {
  readonly deadlines: Deadlines = new Deadlines();
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly #routes: UnaryRoutes;
  readonly #timeoutMs: number;
  /** Calls whose request has not come to its end, with how often they were looked at. */
  readonly #receiving = new Map<NodeUnaryCall, number>();
  #timer: NodeJS.Timeout | null = null;

  /** `routes`: by their paths. */
  constructor(
    routes: ReadonlyMap<string, UnaryRoute>,
    { readMaxBytes, requestTimeoutMs, writeMaxBytes }: ServerLimits,
  ) {
    this.#routes = new UnaryRoutes(routes);
    this.readMaxBytes = readMaxBytes;
    this.writeMaxBytes = writeMaxBytes;
    this.#timeoutMs = requestTimeoutMs;
  }

  /** Serves the call if it is one for here; false if it is not. */
  accept(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, flags: number): boolean {
    const route = this.#routes.find({
      method: headers[":method"],
      path: headers[":path"],
      authority: headers[":authority"],
      contentType: headers["content-type"],
      encoding: oneOf(headers["grpc-encoding"]),
      expect: headers.expect,
    });
    if (route === undefined) return false;
    const call = new NodeUnaryCall(stream, headers, route, this);
    (stream as CalledStream)[CALL] = call;
    this.#receiving.set(call, 0);
    this.#timer ??= setInterval(this.#look, Math.ceil(this.#timeoutMs / LOOKS)).unref();
    stream.on("error", onError);
    stream.on("close", onClose);
    stream.on("wantTrailers", onWantTrailers);
    const timeout = headers["grpc-timeout"];
    call.begin(timeout === undefined ? undefined : String(timeout));
    if ((flags & END_STREAM) !== 0) {
      call.end();
    } else {
      stream.on("data", onData);
      stream.on("end", onEnd);
    }
    return true;
  }

  received(call: NodeUnaryCall): void {
    this.#receiving.delete(call);
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
  (this as CalledStream)[CALL].data(chunk);
}

function onEnd(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].end();
}

function onClose(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].closed();
}

function onWantTrailers(this: http2.ServerHttp2Stream): void {
  (this as CalledStream)[CALL].sendTrailers();
}

/** It is closed, too, and that is all there is to know. */
function onError(): void {}

function oneOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
