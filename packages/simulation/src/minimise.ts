/**
 * Leaves out of `items` whatever is not needed for `fails` to stay true: delta debugging (Zeller and Hildebrandt, "ddmin"). The result is 1-minimal if
 * the budget of `attempts` lasts: no single item can be left out of it.
 */
export function minimise<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => boolean,
  attempts: number,
): readonly T[] {
  let kept = items;
  let left = attempts;
  for (let size = Math.ceil(kept.length / 2); size >= 1 && left > 0;) {
    let shrunk = false;
    for (let from = 0; from < kept.length && left > 0;) {
      const shorter = [...kept.slice(0, from), ...kept.slice(from + size)];
      left -= 1;
      if (fails(shorter)) {
        kept = shorter;
        shrunk = true;
      } else {
        from += size;
      }
    }
    if (size === 1 && !shrunk) break;
    if (!shrunk || size > kept.length) size = Math.max(1, Math.ceil(size / 2));
  }
  return kept;
}
