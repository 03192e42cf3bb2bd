/** Something that others wait for, again and again. What is told while nobody waits is heard by whoever waits next. */
export class Signal {
  #isTold = false;
  #wake: (() => void) | null = null;

  tell(): void {
    this.#isTold = true;
    this.#wake?.();
  }

  /** Resolves when it is told, or has been since the last time. One waits at a time. */
  async told(): Promise<void> {
    if (!this.#isTold) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = null;
    }
    this.#isTold = false;
  }
}
