import type { ConnectError } from "@connectrpc/connect";
import { ErrorCode, HeaderList } from "@eraft/http2";
import type { RequestHead, ServerStream, StreamListener } from "@eraft/http2";
import type { UnaryRoute } from "../../direct/unary.ts";
import { FrozenStatuses } from "../unary/frozen-status.ts";
import { CONTENT_TYPE, SUCCESS, UnaryCall } from "../unary/unary-call.ts";
import type { CallHost } from "../unary/unary-call.ts";
import { headOf, trailersOf, webHeadersOf } from "./header-lists.ts";
import { answerLate } from "./late-answer.ts";

export interface EngineCallHost extends CallHost {
  readonly requestTimeoutMs: number;
}

const PLAIN_HEAD = new HeaderList([":status", "200", "content-type", CONTENT_TYPE], true);
const PLAIN_TRAILERS = new HeaderList(["grpc-status", SUCCESS], true);
const FROZEN = new FrozenStatuses((trailer) => new HeaderList([...trailer].flat(), true));

/** A unary call on a stream of `@eraft/http2`, to which it listens itself. */
export class EngineUnaryCall extends UnaryCall implements StreamListener {
  readonly #stream: ServerStream;
  readonly #head: RequestHead;
  readonly #host: EngineCallHost;

  constructor(stream: ServerStream, head: RequestHead, route: UnaryRoute, host: EngineCallHost) {
    super(route, host);
    this.#stream = stream;
    this.#head = head;
    this.#host = host;
  }

  late(): void {
    this.isLate(this.#host.requestTimeoutMs);
  }

  override requestHeaderValue(name: string): string | undefined {
    return this.#head.headers[name];
  }

  protected override get isBroken(): boolean {
    return this.#stream.isClosed;
  }

  protected override headers(): Headers {
    return webHeadersOf(this.#head.headers);
  }

  protected override send(header: Headers | null, envelope: Buffer | null, trailer: Headers | null): void {
    this.#stream.answer(
      header === null ? PLAIN_HEAD : headOf(200, header),
      envelope,
      trailer === null ? PLAIN_TRAILERS : trailersOf(trailer),
    );
  }

  protected override sendFrozen(header: Headers | null, error: ConnectError): void {
    this.#stream.answer(header === null ? PLAIN_HEAD : headOf(200, header), null, FROZEN.of(error));
  }

  protected override sendLate(timeoutMs: number): void {
    answerLate(this.#stream, true, timeoutMs);
  }

  protected override breakOff(): void {
    this.#stream.reset(ErrorCode.cancel);
  }
}
