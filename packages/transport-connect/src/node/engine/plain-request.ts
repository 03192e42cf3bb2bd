import { Readable } from "node:stream";
import type { RequestHead, ServerStream } from "@eraft/http2";

/** A request, as handlers of plain HTTP know them from Node. */
export class PlainRequest extends Readable {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly #stream: ServerStream;
  #chunks: Buffer[] = [];
  #isWanted = false;
  #isEnded = false;

  constructor(stream: ServerStream, { authority, headers, method, path }: RequestHead) {
    super();
    this.#stream = stream;
    this.method = method;
    this.url = path;
    this.headers = { ...(authority === undefined ? {} : { host: authority }), ...headers };
    stream.isByHand = true;
    // Nobody has to listen: a client that leaves is no fault of ours.
    this.on("error", () => {});
  }

  override _read(): void {
    this.#isWanted = true;
    this.#go();
  }

  receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#go();
  }

  receiveEnd(): void {
    this.#isEnded = true;
    this.#go();
  }

  /** The client may send as much more as is read. */
  #go(): void {
    while (this.#isWanted) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) {
        if (this.#isEnded) this.push(null);
        return;
      }
      this.#isWanted = this.push(chunk);
      this.#stream.consume(chunk.byteLength);
    }
  }
}
