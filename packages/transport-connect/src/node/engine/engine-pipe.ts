import type { DescMessage } from "@bufbuild/protobuf";
import { ErrorCode, HeaderList } from "@eraft/http2";
import type { ServerStream, StreamListener } from "@eraft/http2";
import type { DirectRoute } from "../../stream/direct.ts";
import { ServerPipe } from "../server-pipe.ts";
import type { PipeStream } from "../server-pipe.ts";
import { trailersOf } from "./header-lists.ts";

const HEAD = new HeaderList([":status", "200", "content-type", "application/grpc+proto"], true);

/** A streaming call on a stream of `@eraft/http2`. Its caller may go on for as long as it likes, so nothing is ever late. */
export class EnginePipe implements StreamListener {
  readonly #pipe: ServerPipe<DescMessage, DescMessage>;
  readonly #gone: (pipe: EnginePipe) => void;

  constructor(stream: ServerStream, route: DirectRoute, gone: (pipe: EnginePipe) => void) {
    this.#gone = gone;
    stream.respond(HEAD);
    this.#pipe = new ServerPipe(route, new EnginePipeStream(stream));
  }

  data(bytes: Buffer): void {
    this.#pipe.received(bytes);
  }

  end(): void {
    this.#pipe.requestsEnded();
  }

  closed(): void {
    this.#gone(this);
    this.#pipe.closed();
  }

  /** The whole server goes away. */
  shutDown(): void {
    this.#pipe.shutDown();
  }
}

class EnginePipeStream implements PipeStream {
  readonly #stream: ServerStream;

  constructor(stream: ServerStream) {
    this.#stream = stream;
  }

  get bufferedBytes(): number {
    return this.#stream.bufferedBytes;
  }

  write(bytes: Buffer): void {
    this.#stream.write(bytes);
  }

  end(trailers: Record<string, string>): void {
    this.#stream.end(trailersOf(Object.entries(trailers)));
  }

  cancel(): void {
    this.#stream.reset(ErrorCode.cancel);
  }
}
