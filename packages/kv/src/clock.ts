import type { Clock } from "@eraft/core";

/** The platform's own time, in servers and browsers alike. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** The longest time that timers of JavaScript can wait; they fire at once for more. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;
