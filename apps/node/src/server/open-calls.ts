/** Counts the calls of clients that are under way. */
export class OpenCalls {
  #count = 0;
  #onNone: (() => void)[] = [];

  /** Returns `call`, which counts until it settles. */
  track<T>(call: Promise<T>): Promise<T> {
    this.#count += 1;
    void call.then(this.#settled, this.#settled);
    return call;
  }

  /** Resolves as soon as there is none. */
  async none(): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone.push(resolve);
    await promise;
  }

  readonly #settled = (): void => {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#onNone.splice(0)) resolve();
  };
}
