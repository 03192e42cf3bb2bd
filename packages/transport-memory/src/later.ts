// What this package uses of its host: Node.js, Deno, Bun or a browser.
declare function setTimeout(run: () => void, ms: number): unknown;
declare const setImmediate: ((run: () => void) => unknown) | undefined;

/** Runs `run` in a later turn of the event loop, in the order of the calls. */
export function later(run: () => void): void {
  // A browser has only the timer, which costs a millisecond or more.
  if (typeof setImmediate === "function") setImmediate(run);
  else setTimeout(run, 0);
}
