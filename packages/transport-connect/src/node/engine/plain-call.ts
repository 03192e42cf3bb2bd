import { ErrorCode } from "@eraft/http2";
import type { RequestHead, ServerStream, StreamListener } from "@eraft/http2";
import type { HttpHandler } from "../http-handler.ts";
import { answerLate } from "./late-answer.ts";
import { PlainRequest } from "./plain-request.ts";
import { PlainResponse } from "./plain-response.ts";

/** A request that is no RPC. */
export class PlainCall implements StreamListener {
  readonly #stream: ServerStream;
  readonly #timeoutMs: number;
  readonly #request: PlainRequest;
  readonly #response: PlainResponse;
  #isLate = false;

  constructor(stream: ServerStream, head: RequestHead, handler: HttpHandler, timeoutMs: number) {
    this.#stream = stream;
    this.#timeoutMs = timeoutMs;
    this.#request = new PlainRequest(stream, head);
    this.#response = new PlainResponse(stream);
    handler(this.#request, this.#response);
  }

  data(bytes: Buffer): void {
    this.#request.receive(bytes);
  }

  end(): void {
    this.#request.receiveEnd();
  }

  closed(code: number): void {
    if (code === ErrorCode.noError) return;
    this.#request.destroy();
    this.#response.destroy();
  }

  drained(): void {
    this.#response.drained();
  }

  late(): void {
    if (this.#isLate || this.#stream.isAnswered) return this.#stream.reset(ErrorCode.cancel);
    this.#isLate = true;
    answerLate(this.#stream, false, this.#timeoutMs);
  }
}
