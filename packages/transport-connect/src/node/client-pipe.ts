import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import * as http2 from "node:http2";
import type { OpenPipe, Pipe, PipeListener } from "../stream/pipe.ts";
import { encodeEnvelope, EnvelopeReader } from "./envelopes.ts";
import { statusIn } from "./grpc-status.ts";
import { PieceWriter } from "./piece-writer.ts";
import type { PeerSessionManager } from "./session-manager.ts";

/**
 * Makes gRPC streaming calls straight on HTTP/2. Connect's own go through half a dozen async generators on their way, which costs a message
 * more than all the rest.
 */
export function openOn(sessions: PeerSessionManager, readMaxBytes: number): OpenPipe {
  return (method, listener) => new ClientPipe(sessions, method, listener, readMaxBytes);
}

const HEADERS = { "content-type": "application/grpc+proto", te: "trailers", "user-agent": "eraft" };

class ClientPipe<I extends DescMessage, O extends DescMessage> implements Pipe<MessageShape<I>> {
  readonly #method: DescMethodBiDiStreaming<I, O>;
  readonly #reader: EnvelopeReader;
  #listener: PipeListener<MessageShape<O>> | null;
  #stream: http2.ClientHttp2Stream | null = null;
  #writer: PieceWriter | null = null;
  /** Written before the stream is there. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #isEnded = false;
  #isOver = false;
  /** What the peer has said of the end. */
  #status: ConnectError | null | undefined = undefined;
  #failure: ConnectError | null = null;

  constructor(
    sessions: PeerSessionManager,
    method: DescMethodBiDiStreaming<I, O>,
    listener: PipeListener<MessageShape<O>>,
    readMaxBytes: number,
  ) {
    this.#method = method;
    this.#listener = listener;
    this.#reader = new EnvelopeReader(readMaxBytes, (bytes) => this.#read(bytes));
    void this.#open(sessions);
  }

  get bufferedBytes(): number {
    return this.#writer?.bufferedBytes ?? this.#earlyBytes;
  }

  write(message: MessageShape<I>): void {
    if (this.#isEnded || this.#isOver) return;
    const envelope = encodeEnvelope(this.#method.input, message);
    if (this.#writer !== null) return this.#writer.write(envelope);
    this.#early.push(envelope);
    this.#earlyBytes += envelope.byteLength;
  }

  end(): void {
    this.#listener = null;
    this.#isEnded = true;
    this.#writer?.end();
  }

  abort(): void {
    this.#listener = null;
    this.#isOver = true;
    this.#discard();
    this.#stream?.close(http2.constants.NGHTTP2_CANCEL);
  }

  async #open(sessions: PeerSessionManager): Promise<void> {
    const path = `/${this.#method.parent.typeName}/${this.#method.name}`;
    try {
      const stream = await sessions.request("POST", path, HEADERS, {});
      this.#opened(stream, new PieceWriter(stream, () => sessions.mark(stream)));
      sessions.keepAlive(stream);
    } catch (reason) {
      this.#ended(ConnectError.from(reason));
    }
  }

  #opened(stream: http2.ClientHttp2Stream, writer: PieceWriter): void {
    this.#stream = stream;
    this.#writer = writer;
    stream.on("response", (headers) => this.#responded(headers));
    stream.on("trailers", (trailers) => {
      this.#status ??= statusIn(trailers);
    });
    stream.on("data", (chunk: Buffer) => this.#received(chunk));
    stream.on("error", (error) => {
      this.#failure ??= lost(error);
    });
    stream.once("end", () => {
      if (this.#status !== undefined) this.#ended(this.#status);
    });
    stream.once("close", () => this.#ended(this.#failure ?? this.#status ?? lost(undefined)));
    if (this.#isOver) return stream.close(http2.constants.NGHTTP2_CANCEL);
    for (const envelope of this.#early.splice(0)) writer.write(envelope);
    if (this.#isEnded) writer.end();
  }

  #responded(headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader): void {
    this.#status = statusIn(headers);
    const type = headers["content-type"] ?? "";
    if (
      this.#status !== undefined ||
      (headers[":status"] === 200 && /^application\/grpc(?:$|[+;])/.test(type))
    ) {
      return;
    }
    // A web server, or a proxy, that has never heard of gRPC.
    const code = headers[":status"] === 404 ? Code.Unimplemented : Code.Unavailable;
    this.#fail(new ConnectError(`HTTP status ${headers[":status"]} with ${type || "no type"}`, code));
  }

  #received(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
    } catch (reason) {
      this.#fail(ConnectError.from(reason, Code.Internal));
    }
  }

  #read(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const message = fromBinary(this.#method.output, bytes);
    this.#listener?.received(message);
  }

  #fail(error: ConnectError): void {
    this.#failure ??= error;
    this.#stream?.close(http2.constants.NGHTTP2_CANCEL);
    this.#ended(error);
  }

  #ended(error: ConnectError | null): void {
    const listener = this.#listener;
    this.#listener = null;
    if (!this.#isOver && this.#stream?.closed === false) this.#stream.close(http2.constants.NGHTTP2_NO_ERROR);
    this.#isOver = true;
    this.#discard();
    listener?.ended(error);
  }

  #discard(): void {
    this.#early = [];
    this.#writer?.clear();
  }
}

/** The connection, or the process behind it, is gone. */
function lost(cause: unknown): ConnectError {
  const text = cause instanceof Error ? cause.message : "the connection was lost";
  return new ConnectError(text, Code.Canceled, undefined, undefined, cause);
}
