import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { unaryRouteOf } from "../direct/unary.ts";
import type { UnaryRoute } from "../direct/unary.ts";
import { registerStrict } from "../server/malformed.ts";
import { directRouteOf } from "../stream/direct.ts";
import type { DirectRoute } from "../stream/direct.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./http-handler.ts";
import type { ServerLimits } from "./limits.ts";

/** What is served, by paths. */
export interface Routes {
  /** All RPCs. */
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  /** Streaming methods that can be served without Connect's adapter. */
  readonly direct: ReadonlyMap<string, DirectRoute>;
  /** Unary methods that can be served so. */
  readonly unary: ReadonlyMap<string, UnaryRoute>;
  /** Methods whose callers may go on for as long as they like. */
  readonly endless: ReadonlySet<string>;
  /** Answers what is no RPC. */
  readonly fallback: HttpHandler;
}

/** One handler for all that comes in: RPCs go to `routes`, gRPC calls of unknown methods are told so, the rest is for `fallback`. */
export class Handler implements Routes {
  readonly handlers: Map<string, UniversalHandler> = new Map();
  readonly direct: Map<string, DirectRoute> = new Map();
  readonly unary: Map<string, UnaryRoute> = new Map();
  readonly endless: Set<string> = new Set();
  readonly fallback: HttpHandler;
  readonly #rpc: HttpHandler;

  constructor(routes: (router: ConnectRouter) => void, fallback: HttpHandler, limits: ServerLimits) {
    this.fallback = fallback;
    this.#rpc = connectNodeAdapter({
      routes: (router) => {
        // For the services of others, too: a client that sends rubbish must not look like a fault of this server.
        registerStrict(router, routes);
        this.#find(router);
      },
      fallback: (request, response) => otherwise(request, response as HttpResponse, fallback),
      // The adapter would compress every answer above 1 KiB in the thread pool, where it competes with the disk.
      acceptCompression: [],
      readMaxBytes: limits.readMaxBytes,
      writeMaxBytes: limits.writeMaxBytes,
    }) as unknown as HttpHandler;
  }

  /** Serves a request through Connect's adapter. */
  handle(request: HttpRequest, response: HttpResponse): void {
    try {
      this.#rpc(request, response);
    } catch {
      // Connect builds a URL from the Host header before anything else. One that is missing (HTTP/1.0) or no host name would
      // otherwise be an uncaught exception, and any stranger could end the process with it.
      respond(response, 400, "bad request\n");
    }
  }

  #find(router: ConnectRouter): void {
    for (const handler of router.handlers) {
      const { requestPath } = handler;
      this.handlers.set(requestPath, handler);
      const { methodKind } = handler.method;
      if (methodKind === "bidi_streaming" || methodKind === "client_streaming") this.endless.add(requestPath);
      const route = directRouteOf(handler);
      if (route !== undefined) this.direct.set(requestPath, route);
      const unary = unaryRouteOf(handler);
      if (unary !== undefined) this.unary.set(requestPath, unary);
    }
  }
}

/** gRPC with messages in protobuf, as all that is served directly. */
export function isGrpcProto(contentType: string | undefined): boolean {
  return /^application\/grpc(?:\+proto)?(?:$|;)/.test(contentType ?? "");
}

export function isGrpc(contentType: string | undefined): boolean {
  return /^application\/grpc(?:$|[+;])/.test(contentType ?? "");
}

/** What callers of gRPC are told of methods that there are not: in headers of a successful HTTP response. */
export const UNKNOWN_METHOD: readonly (readonly [string, string])[] = [
  ["content-type", "application/grpc"],
  ["grpc-status", String(Code.Unimplemented)],
  ["grpc-message", "unknown method"],
];

/** The default for requests that are no RPC. */
export function notFound(_request: HttpRequest, response: HttpResponse): void {
  respond(response, 404, "not found\n");
}

function otherwise(request: HttpRequest, response: HttpResponse, fallback: HttpHandler): void {
  if (!isGrpc(request.headers["content-type"])) return fallback(request, response);
  for (const [name, value] of UNKNOWN_METHOD) response.setHeader(name, value);
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
