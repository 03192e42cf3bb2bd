// What this package uses of its host: Node.js, Deno, Bun or a browser.
declare function setTimeout(run: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** Resolves with true once `promise` has settled, with false if that takes longer than `ms`. Never rejects. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const settled = Promise.allSettled([promise]).then(() => true);
  const isSettled = await Promise.race([settled, late]);
  clearTimeout(timer);
  return isSettled;
}
