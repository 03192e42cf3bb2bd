import type { ServerStream } from "@eraft/http2";

/** The body of a request for whoever reads it with `for await`: the client sends no more than the window before it is read. */
export class RequestBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #stream: ServerStream;
  #chunks: Buffer[] = [];
  #isEnded = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(stream: ServerStream) {
    this.#stream = stream;
    stream.isByHand = true;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#wakeUp();
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeUp();
  }

  /** Nothing comes any more. Does nothing after `end`. */
  fail(error: Error): void {
    if (this.#isEnded) return;
    this.#error ??= error;
    this.#wakeUp();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#stream.consume(chunk.byteLength);
        return { done: false, value: chunk };
      }
      if (this.#isEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Nobody reads on. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunks = [];
    this.#isEnded = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
