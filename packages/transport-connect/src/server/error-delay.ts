import type { Clock } from "@eraft/core";

/**
 * Holds back error replies for a moment. A Go leader with entries to send repeats a failed call at once, without any pause, so an
 * instant error turns it, and us, into a busy loop of a thousand calls a second.
 */
export class ErrorDelay {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #maxWaiting: number;
  /** What to call to end each wait early. */
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, delayMs: number, maxWaiting: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#maxWaiting = maxWaiting;
  }

  /** Resolves after the delay; at once when too many wait already, so that a flood of bad requests costs no memory. */
  async pause(): Promise<void> {
    if (this.#delayMs === 0 || this.#waiting.size >= this.#maxWaiting) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(this.#delayMs, resolve);
    const end = (): void => {
      cancel();
      resolve();
    };
    this.#waiting.add(end);
    await promise;
    this.#waiting.delete(end);
  }

  /** Ends all waits. */
  flush(): void {
    for (const end of this.#waiting) end();
  }
}
