/** A stream of bytes between two processes: one end pushes, the other one iterates, once. */
export class Pipe implements AsyncIterable<Uint8Array> {
  readonly #arrived: Uint8Array[] = [];
  #end: { readonly error: Error | null } | null = null;
  #wake: () => void = () => {};

  push(chunk: Uint8Array): void {
    if (this.#end === null) this.#arrived.push(chunk);
    this.#wake();
  }

  /** Nothing more will come; with an error if something is missing. What has arrived before can still be read. */
  end(error: Error | null): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#arrived.shift();
      if (chunk !== undefined) {
        yield chunk;
      } else if (this.#end === null) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      } else if (this.#end.error === null) {
        return;
      } else {
        throw this.#end.error;
      }
    }
  }
}
