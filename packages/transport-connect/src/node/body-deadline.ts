import { Code } from "@connectrpc/connect";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

/** How often in a timeout the requests are looked at; one is answered at most so much of the timeout late. */
const LOOKS = 4;

interface Waiting {
  readonly sinceMs: number;
  isAnswered: boolean;
}

/**
 * Ends HTTP/2 requests whose body does not end, as Node itself does for HTTP/1.1: whoever opens a call and never finishes it would hold it, and
 * one of its connection's streams, for ever. One timer for all of them.
 */
export class BodyDeadline {
  readonly #timeoutMs: number;
  readonly #requests = new Map<Http2ServerRequest, Waiting>();
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  watch(request: Http2ServerRequest): void {
    this.#requests.set(request, { sinceMs: performance.now(), isAnswered: false });
    request.stream.once("close", () => this.#requests.delete(request));
    this.#timer ??= setInterval(() => this.#look(), Math.ceil(this.#timeoutMs / LOOKS)).unref();
  }

  #look(): void {
    if (this.#requests.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    const now = performance.now();
    for (const [request, waiting] of this.#requests) {
      if (request.stream.readableEnded) {
        this.#requests.delete(request);
      } else if (waiting.isAnswered) {
        // Only now: together with the answer it would take the answer's place.
        request.stream.close(constants.NGHTTP2_CANCEL);
      } else if (now - waiting.sinceMs >= this.#timeoutMs) {
        waiting.isAnswered = true;
        const isGrpc = request.headers["content-type"]?.startsWith("application/grpc") ?? false;
        answerLate(request.stream, isGrpc, this.#timeoutMs);
      }
    }
  }
}

/** Says that a request has not ended in time. */
export function answerLate(stream: ServerHttp2Stream, isGrpc: boolean, timeoutMs: number): void {
  if (stream.headersSent || stream.destroyed) return;
  if (!isGrpc) return stream.respond({ ":status": 408 }, { endStream: true });
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(Code.DeadlineExceeded),
      "grpc-message": encodeURIComponent(`the request did not end within ${timeoutMs} ms`),
    },
    { endStream: true },
  );
}
