import * as http2 from "node:http2";
import type { DescMessage } from "@bufbuild/protobuf";
import type { DirectRoute } from "../stream/direct.ts";
import { ServerPipe } from "./server-pipe.ts";
import type { PipeStream } from "./server-pipe.ts";

/** Serves a streaming call on Node's own HTTP/2. */
export function servePipe(
  route: DirectRoute,
  request: http2.Http2ServerRequest,
  response: http2.Http2ServerResponse,
): ServerPipe<DescMessage, DescMessage> {
  const { stream } = request;
  response.writeHead(200, { "content-type": "application/grpc+proto" });
  const pipe = new ServerPipe(route, new NodePipeStream(stream, response));
  stream.on("data", (chunk: Buffer) => pipe.received(chunk));
  stream.once("end", () => pipe.requestsEnded());
  stream.once("close", () => pipe.closed());
  return pipe;
}

class NodePipeStream implements PipeStream {
  readonly #stream: http2.ServerHttp2Stream;
  readonly #response: http2.Http2ServerResponse;

  constructor(stream: http2.ServerHttp2Stream, response: http2.Http2ServerResponse) {
    this.#stream = stream;
    this.#response = response;
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  write(bytes: Buffer): void {
    this.#response.write(bytes);
  }

  end(trailers: Record<string, string>): void {
    this.#response.addTrailers(trailers);
    this.#response.end();
  }

  cancel(): void {
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}
