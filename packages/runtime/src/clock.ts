import type { Clock } from "@eraft/core";

// What this package uses of its host: Node.js, Deno, Bun or a browser.
declare const performance: { now(): number };
declare function setTimeout(run: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** The host's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** Turns of the event loop, for work that lets others come between. Once closed it waits for none, and no timer is left. */
export class Turns {
  readonly #clock: Clock;
  readonly #waiting = new Map<() => void, () => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves in a later turn, so that timers and I/O come between. */
  next(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(0, () => {
      this.#waiting.delete(resolve);
      resolve();
    });
    this.#waiting.set(resolve, cancel);
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    for (const [resolve, cancel] of this.#waiting) {
      cancel();
      resolve();
    }
    this.#waiting.clear();
  }
}
