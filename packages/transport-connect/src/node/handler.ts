import type { DescMessage } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { IncomingHttpHeaders } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { unaryRouteOf } from "../direct/unary.ts";
import type { UnaryRoute } from "../direct/unary.ts";
import { registerStrict } from "../server/malformed.ts";
import { directRouteOf } from "../stream/direct.ts";
import type { DirectRoute } from "../stream/direct.ts";
import { BodyDeadline } from "./body-deadline.ts";
import type { ServerLimits } from "./limits.ts";
import { ServerPipe } from "./server-pipe.ts";

/** A request, whether it came over HTTP/1.1 or HTTP/2. */
export type HttpRequest = Readable & {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
};

/** Where its answer goes. */
export type HttpResponse = Writable & {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
};

/** Answers a request that is no RPC. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** One handler for all that comes in: RPCs go to `routes`, gRPC calls of unknown methods are told so, the rest is for `fallback`. */
export class Handler {
  readonly #rpc: HttpHandler;
  /** Streaming methods that are served without Connect's adapter, by their paths. */
  readonly #direct = new Map<string, DirectRoute>();
  /** Unary methods that can be served so, by their paths; see UnaryServer. */
  readonly unary: Map<string, UnaryRoute> = new Map();
  /** Methods whose callers may go on for as long as they like. */
  readonly #endless = new Set<string>();
  readonly #bodyDeadline: BodyDeadline;
  readonly #pipes = new Set<ServerPipe<DescMessage, DescMessage>>();

  constructor(routes: (router: ConnectRouter) => void, fallback: HttpHandler, limits: ServerLimits) {
    this.#bodyDeadline = new BodyDeadline(limits.requestTimeoutMs);
    this.#rpc = connectNodeAdapter({
      routes: (router) => {
        // For the services of others, too: a client that sends rubbish must not look like a fault of this server.
        registerStrict(router, routes);
        this.#findStreams(router);
      },
      fallback: (request, response) => otherwise(request, response as HttpResponse, fallback),
      // The adapter would compress every answer above 1 KiB in the thread pool, where it competes with the disk.
      acceptCompression: [],
      readMaxBytes: limits.readMaxBytes,
      writeMaxBytes: limits.writeMaxBytes,
    }) as unknown as HttpHandler;
  }

  handle(request: HttpRequest, response: HttpResponse): void {
    if (request instanceof Http2ServerRequest && response instanceof Http2ServerResponse) {
      const route = GRPC_PROTO.test(request.headers["content-type"] ?? "") && this.#direct.get(request.url);
      if (route) return this.#stream(route, request, response);
      if (!this.#endless.has(request.url)) this.#bodyDeadline.watch(request);
    }
    try {
      this.#rpc(request, response);
    } catch {
      // Connect builds a URL from the Host header before anything else. One that is missing (HTTP/1.0) or no host name would
      // otherwise be an uncaught exception, and any stranger could end the process with it.
      respond(response, 400, "bad request\n");
    }
  }

  /** Ends the streams, which would never end by themselves. */
  shutDown(): void {
    for (const pipe of this.#pipes) pipe.shutDown();
  }

  #stream(route: DirectRoute, request: Http2ServerRequest, response: Http2ServerResponse): void {
    const pipe = new ServerPipe(route, request, response);
    this.#pipes.add(pipe);
    request.stream.once("close", () => this.#pipes.delete(pipe));
  }

  #findStreams(router: ConnectRouter): void {
    for (const handler of router.handlers) {
      const { methodKind } = handler.method;
      if (methodKind === "bidi_streaming" || methodKind === "client_streaming") {
        this.#endless.add(handler.requestPath);
      }
      const route = directRouteOf(handler);
      if (route !== undefined) this.#direct.set(handler.requestPath, route);
      const unary = unaryRouteOf(handler);
      if (unary !== undefined) this.unary.set(handler.requestPath, unary);
    }
  }
}

const GRPC_PROTO = /^application\/grpc(?:\+proto)?(?:$|;)/;

/** The default for requests that are no RPC. */
export function notFound(_request: HttpRequest, response: HttpResponse): void {
  respond(response, 404, "not found\n");
}

function otherwise(request: HttpRequest, response: HttpResponse, fallback: HttpHandler): void {
  const contentType = request.headers["content-type"] ?? "";
  if (!/^application\/grpc(?:$|[+;])/.test(contentType)) return fallback(request, response);
  // gRPC reports errors in headers of a successful HTTP response.
  response.setHeader("content-type", "application/grpc");
  response.setHeader("grpc-status", String(Code.Unimplemented));
  response.setHeader("grpc-message", "unknown method");
  response.end();
}

function respond(response: HttpResponse, statusCode: number, text: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = statusCode;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
