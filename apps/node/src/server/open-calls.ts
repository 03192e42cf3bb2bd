/** Counts the calls of clients that are under way. */
export class OpenCalls {
  #count = 0;
  #onNone: (() => void)[] = [];

  async track<T>(call: Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await call;
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#onNone.splice(0)) resolve();
    }
  }

  /** Resolves as soon as there is none. */
  async none(): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone.push(resolve);
    await promise;
  }
}
