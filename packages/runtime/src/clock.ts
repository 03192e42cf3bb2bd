import type { Clock } from "@eraft/core";

// What this package uses of its host: Node.js, Deno, Bun or a browser.
declare const performance: { now(): number };
declare function setTimeout(run: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;
// Browsers have neither of these.
declare const setImmediate: ((run: () => void) => unknown) | undefined;
declare const clearImmediate: ((timer: unknown) => void) | undefined;

/** The host's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  ...(typeof setImmediate === "function" ? { soon: afterPoll(setImmediate) } : {}),
};

/** After the event loop has served every socket that had something, and before it waits for the next. */
function afterPoll(schedule: (run: () => void) => unknown): NonNullable<Clock["soon"]> {
  return (fn) => {
    const timer = schedule(fn);
    return () => clearImmediate?.(timer);
  };
}

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
    const clock = this.#clock;
    const run = (): void => {
      this.#waiting.delete(resolve);
      resolve();
    };
    // A timer of no time is one of a millisecond at least: a thousand slices would wait for a second.
    const cancel = clock.soon === undefined ? clock.after(0, run) : clock.soon(run);
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
