import type { IncomingHttpHeaders } from "node:http";
import type { Readable, Writable } from "node:stream";

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
