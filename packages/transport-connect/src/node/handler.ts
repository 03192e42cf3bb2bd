import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable, Writable } from "node:stream";
import { registerStrict } from "../server/malformed.ts";
import type { ServerLimits } from "./limits.ts";

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
export function createHandler(
  routes: (router: ConnectRouter) => void,
  fallback: HttpHandler,
  limits: ServerLimits,
): HttpHandler {
  const rpc = connectNodeAdapter({
    // For the services of others, too: a client that sends rubbish must not look like a fault of this server.
    routes: (router) => registerStrict(router, routes),
    fallback: (request, response) => otherwise(request, response as HttpResponse, fallback),
    // The adapter would compress every answer above 1 KiB in the thread pool, where it competes with the disk.
    acceptCompression: [],
    readMaxBytes: limits.readMaxBytes,
    writeMaxBytes: limits.writeMaxBytes,
  }) as unknown as HttpHandler;
  return (request, response) => {
    try {
      rpc(request, response);
    } catch {
      // Connect builds a URL from the Host header before anything else. One that is missing (HTTP/1.0) or no host name would
      // otherwise be an uncaught exception, and any stranger could end the process with it.
      respond(response, 400, "bad request\n");
    }
  };
}

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
