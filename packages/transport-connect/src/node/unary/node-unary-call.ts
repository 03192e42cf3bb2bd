import type { ConnectError } from "@connectrpc/connect";
import type * as http2 from "node:http2";
import { constants } from "node:http2";
import type { UnaryRoute } from "../../direct/unary.ts";
import { answerLate } from "../body-deadline.ts";
import { FrozenStatuses } from "./frozen-status.ts";
import { objectOf, webHeadersOf } from "./headers.ts";
import { CONTENT_TYPE, SUCCESS, UnaryCall } from "./unary-call.ts";
import type { CallHost } from "./unary-call.ts";

const PLAIN_HEADERS = { ":status": 200, "content-type": CONTENT_TYPE };
const PLAIN_TRAILERS = { "grpc-status": SUCCESS };
const WITH_TRAILERS = { waitForTrailers: true };
const FROZEN = new FrozenStatuses((trailer) => trailer);

export interface NodeCallHost extends CallHost {
  /** Its request has come to its end, one way or another. */
  received(call: NodeUnaryCall): void;
}

/** A unary call on a stream of Node's own HTTP/2. */
export class NodeUnaryCall extends UnaryCall {
  readonly #stream: http2.ServerHttp2Stream;
  readonly #headers: http2.IncomingHttpHeaders;
  readonly #host: NodeCallHost;
  #trailer: Headers | null = null;

  constructor(
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    route: UnaryRoute,
    host: NodeCallHost,
  ) {
    super(route, host);
    this.#host = host;
    this.#stream = stream;
    this.#headers = headers;
  }

  override end(): void {
    this.#host.received(this);
    super.end();
  }

  override closed(): void {
    this.#host.received(this);
    super.closed();
  }

  override requestHeaderValue(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  sendTrailers(): void {
    if (this.#stream.destroyed) return;
    const trailer = this.#trailer;
    this.#stream.sendTrailers(trailer === null ? PLAIN_TRAILERS : objectOf(trailer));
  }

  protected override get isBroken(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  protected override headers(): Headers {
    return webHeadersOf(this.#headers);
  }

  /** Headers and message leave in one write, with those of other calls of this turn; Node asks for the trailers when it has come to the end. */
  protected override send(header: Headers | null, envelope: Buffer | null, trailer: Headers | null): void {
    this.#trailer = trailer;
    this.#stream.respond(
      header === null ? PLAIN_HEADERS : { ...objectOf(header), ":status": 200 },
      WITH_TRAILERS,
    );
    if (envelope === null) this.#stream.end();
    else this.#stream.end(envelope);
  }

  protected override sendFrozen(header: Headers | null, error: ConnectError): void {
    this.send(header, null, FROZEN.of(error));
  }

  protected override sendLate(timeoutMs: number): void {
    answerLate(this.#stream, true, timeoutMs);
  }

  protected override breakOff(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}
