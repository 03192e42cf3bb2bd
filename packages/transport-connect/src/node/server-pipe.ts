import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import * as http2 from "node:http2";
import type { DirectRoute } from "../stream/direct.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import { encodeEnvelope, EnvelopeReader } from "./envelopes.ts";
import { statusOf } from "./grpc-status.ts";

/** Serves a gRPC streaming call straight on HTTP/2, as `openOn` makes it. */
export class ServerPipe<I extends DescMessage, O extends DescMessage> implements Pipe<MessageShape<O>> {
  readonly #route: DirectRoute<I, O>;
  readonly #stream: http2.ServerHttp2Stream;
  readonly #response: http2.Http2ServerResponse;
  readonly #reader: EnvelopeReader;
  #listener: PipeListener<MessageShape<I>> | null = null;
  #isOver = false;

  constructor(
    route: DirectRoute<I, O>,
    request: http2.Http2ServerRequest,
    response: http2.Http2ServerResponse,
  ) {
    this.#route = route;
    this.#stream = request.stream;
    this.#response = response;
    this.#reader = new EnvelopeReader(route.readMaxBytes, (bytes) => this.#read(bytes));
    response.writeHead(200, { "content-type": "application/grpc+proto" });
    const listener = route.accept(this);
    if (!this.#isOver) this.#listener = listener;
    this.#stream.on("data", (chunk: Buffer) => this.#received(chunk));
    this.#stream.once("end", () => this.#requestsEnded());
    this.#stream.once("close", () => this.#ended(lost(), false));
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  write(message: MessageShape<O>): void {
    if (!this.#isOver) this.#response.write(encodeEnvelope(this.#route.method.output, message));
  }

  end(error?: ConnectError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener = null;
    this.#response.addTrailers(statusOf(error));
    // The stream stays half open until the caller has heard that: closing it now would take the trailers with it.
    this.#response.end();
  }

  abort(): void {
    this.#isOver = true;
    this.#listener = null;
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  /** The whole server goes away. */
  shutDown(): void {
    const error = new ConnectError("this server is shutting down", Code.Unavailable);
    const listener = this.#listener;
    this.end(error);
    listener?.ended(error, true);
  }

  #received(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
    } catch (reason) {
      this.#refuse(ConnectError.from(reason, Code.InvalidArgument));
    }
  }

  #read(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#listener?.received(fromBinary(this.#route.method.input, bytes));
  }

  #requestsEnded(): void {
    if (this.#reader.isWithin)
      this.#refuse(new ConnectError("a message that ends early", Code.InvalidArgument));
    else this.#ended(null, false);
  }

  #refuse(error: ConnectError): void {
    const listener = this.#listener;
    this.end(error);
    listener?.ended(error, true);
  }

  #ended(error: ConnectError | null, isOurs: boolean): void {
    const listener = this.#listener;
    this.end();
    listener?.ended(error, isOurs);
  }
}

function lost(): ConnectError {
  return new ConnectError("the connection was lost", Code.Canceled);
}
