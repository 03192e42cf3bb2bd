import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { ErrorCode } from "@eraft/http2";
import type { RequestHead, ServerStream, StreamListener } from "@eraft/http2";
import { headOf, trailersOf, webHeadersOf } from "./header-lists.ts";
import { answerLate } from "./late-answer.ts";
import { RequestBody } from "./request-body.ts";
import { resetError } from "./reset-error.ts";

/** So much of an answer may wait for a slow client before its handler waits, too. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** A call that Connect's handlers answer: any method, any of its protocols. */
export class RpcCall implements StreamListener {
  readonly #stream: ServerStream;
  readonly #head: RequestHead;
  readonly #body: RequestBody;
  readonly #abort = new AbortController();
  /** Null if the request may go on for as long as its caller likes. */
  readonly #timeoutMs: number | null;
  #isLate = false;
  #drain: (() => void) | null = null;

  /** Throws for a head of which no URL can be made. */
  constructor(stream: ServerStream, head: RequestHead, handler: UniversalHandler, timeoutMs: number | null) {
    const url = new URL(head.path, `http://${head.authority ?? ""}`).toString();
    this.#stream = stream;
    this.#head = head;
    this.#timeoutMs = timeoutMs;
    this.#body = new RequestBody(stream);
    void this.#serve(handler, url);
  }

  data(bytes: Buffer): void {
    this.#body.push(bytes);
  }

  end(): void {
    this.#body.end();
  }

  closed(code: number): void {
    const error = resetError(code);
    this.#abort.abort(error);
    this.#body.fail(error ?? new ConnectError("the stream is closed", Code.Canceled));
    this.drained();
  }

  drained(): void {
    this.#drain?.();
    this.#drain = null;
  }

  late(): void {
    if (this.#timeoutMs === null) return;
    if (this.#isLate || this.#stream.isAnswered) return this.#stream.reset(ErrorCode.cancel);
    this.#isLate = true;
    const isGrpc = this.#head.headers["content-type"]?.startsWith("application/grpc") ?? false;
    answerLate(this.#stream, isGrpc, this.#timeoutMs);
  }

  async #serve(handler: UniversalHandler, url: string): Promise<void> {
    try {
      const response = await handler({
        httpVersion: "2.0",
        method: this.#head.method,
        url,
        header: webHeadersOf(this.#head.headers),
        body: this.#body,
        signal: this.#abort.signal,
      });
      await this.#respond(response);
    } catch (reason) {
      // Whoever has left needs no answer.
      if (this.#stream.isClosed) return;
      console.error(`${this.#head.path} failed`, reason);
      this.#stream.reset(ErrorCode.internalError);
    }
  }

  /** The head goes out with the first part of the body: until then a handler may set headers. */
  async #respond({ body, header, status, trailer }: UniversalServerResponse): Promise<void> {
    const parts = body?.[Symbol.asyncIterator]();
    try {
      if (parts !== undefined) await this.#send(parts, () => headOf(status, header ?? []));
      const trailers = trailer === undefined ? null : trailersOf(trailer);
      if (this.#stream.isAnswered) this.#stream.end(trailers ?? undefined);
      else this.#stream.answer(headOf(status, header ?? []), null, trailers);
    } finally {
      parts?.return?.()?.catch(() => {});
    }
  }

  async #send(parts: AsyncIterator<Uint8Array>, head: () => ReturnType<typeof headOf>): Promise<void> {
    for (let part = await parts.next(); part.done !== true; part = await parts.next()) {
      if (!this.#stream.isAnswered) this.#stream.respond(head());
      this.#stream.write(part.value);
      if (this.#stream.queuedBytes > MAX_QUEUED_BYTES) {
        await new Promise<void>((resolve) => {
          this.#drain = resolve;
        });
      }
      if (!this.#stream.isClosed) continue;
      const error = new ConnectError("the stream is closed", Code.Aborted);
      parts.throw?.(error)?.catch(() => {});
      throw error;
    }
  }
}
