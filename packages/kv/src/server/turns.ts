/** Calls `fn` once, when all that has arrived by now has been looked at. */
export type NextTurn = (fn: () => void) => void;

/**
 * After the events that the event loop has at hand: requests that came together are done together. A browser's loop has no such place, but serves nobody
 * either.
 */
export const nextTurn: NextTurn =
  "setImmediate" in globalThis
    ? (fn) => {
        (globalThis as unknown as { setImmediate: (fn: () => void) => void }).setImmediate(fn);
      }
    : queueMicrotask;
