import { Writable } from "node:stream";
import { HeaderList } from "@eraft/http2";
import type { ServerStream } from "@eraft/http2";
import { headOf } from "./header-lists.ts";

/** Where its answer goes. */
export class PlainResponse extends Writable {
  statusCode = 200;
  readonly #stream: ServerStream;
  readonly #headers = new Map<string, string>();
  #waiting: (() => void) | null = null;

  constructor(stream: ServerStream) {
    super();
    this.#stream = stream;
    this.on("error", () => {});
  }

  get headersSent(): boolean {
    return this.#stream.isAnswered;
  }

  /** Throws a TypeError for what is no header. */
  setHeader(name: string, value: string | number): this {
    const lower = name.toLowerCase();
    // It is only asked whether it may be one.
    void new HeaderList([lower, String(value)]);
    this.#headers.set(lower, String(value));
    return this;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#stream.isAnswered) this.#stream.respond(headOf(this.statusCode, this.#headers));
    this.#stream.write(chunk);
    if (this.#stream.queuedBytes === 0) done();
    else this.#waiting = done;
  }

  override _final(done: () => void): void {
    if (this.#stream.isAnswered) this.#stream.end();
    else this.#stream.answer(headOf(this.statusCode, this.#headers), null, null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // An answer that is broken off must not look like one that is complete.
    if (!this.#stream.isEnded) this.#stream.reset();
    done(error);
  }

  /** All that was written has left. */
  drained(): void {
    const done = this.#waiting;
    this.#waiting = null;
    done?.();
  }
}
