const FIRST_PAUSE_MS = 25;

/** Pauses that double; half of each is random, so that clients that failed together do not come back together. */
export class Backoff {
  readonly #maxPauseMs: number;
  readonly #random: () => number;
  #pauses = 0;

  constructor({ maxPauseMs, random }: { readonly maxPauseMs: number; readonly random: () => number }) {
    this.#maxPauseMs = maxPauseMs;
    this.#random = random;
  }

  /** Milliseconds to wait now. */
  nextMs(): number {
    const fullMs = Math.min(this.#maxPauseMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses, 30));
    this.#pauses += 1;
    return fullMs / 2 + (this.#random() * fullMs) / 2;
  }

  /** Something has worked: the next pause is the shortest again. */
  reset(): void {
    this.#pauses = 0;
  }
}
