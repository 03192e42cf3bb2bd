import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { DirectRoute } from "../stream/direct.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import { decodeMessage, encodeEnvelope, EnvelopeReader } from "./envelopes.ts";
import { statusOf } from "./grpc-status.ts";

/** The answering side of a stream of HTTP/2, whoever serves that; headers that say 200 and the type are sent. */
export interface PipeStream {
  /** Bytes that are written and that the connection has not taken. */
  readonly bufferedBytes: number;
  write(bytes: Buffer): void;
  /** Ends the answer. The stream stays half open until the caller has heard that: closing it now would take the trailers with it. */
  end(trailers: Record<string, string>): void;
  cancel(): void;
}

/** Serves a gRPC streaming call straight on HTTP/2, as `openOn` makes it. Is told what comes of the caller. */
export class ServerPipe<I extends DescMessage, O extends DescMessage> implements Pipe<MessageShape<O>> {
  readonly #route: DirectRoute<I, O>;
  readonly #stream: PipeStream;
  readonly #reader: EnvelopeReader;
  #listener: PipeListener<MessageShape<I>> | null = null;
  #isOver = false;

  constructor(route: DirectRoute<I, O>, stream: PipeStream) {
    this.#route = route;
    this.#stream = stream;
    this.#reader = new EnvelopeReader(route.readMaxBytes, (bytes) => this.#read(bytes));
    const listener = route.accept(this);
    if (!this.#isOver) this.#listener = listener;
  }

  get bufferedBytes(): number {
    return this.#stream.bufferedBytes;
  }

  write(message: MessageShape<O>): void {
    if (!this.#isOver) this.#stream.write(encodeEnvelope(this.#route.method.output, message));
  }

  end(error?: ConnectError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener = null;
    this.#stream.end(statusOf(error));
  }

  abort(): void {
    this.#isOver = true;
    this.#listener = null;
    this.#stream.cancel();
  }

  /** The whole server goes away. */
  shutDown(): void {
    const error = new ConnectError("this server is shutting down", Code.Unavailable);
    const listener = this.#listener;
    this.end(error);
    listener?.ended(error, true);
  }

  received(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
    } catch (reason) {
      this.#refuse(ConnectError.from(reason, Code.InvalidArgument));
    }
  }

  requestsEnded(): void {
    if (this.#reader.isWithin)
      this.#refuse(new ConnectError("a message that ends early", Code.InvalidArgument));
    else this.#ended(null, false);
  }

  /** The stream is no more. */
  closed(): void {
    this.#ended(lost(), false);
  }

  #read(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#listener?.received(decodeMessage(this.#route.method.input, bytes));
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
