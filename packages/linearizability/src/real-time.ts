/** Two operations of which `first` had returned before `second` was called, although `second` comes first in the order. */
export interface Inversion {
  readonly first: number;
  readonly second: number;
}

/**
 * Compares an order with real time: for each operation that is ordered before one that had already returned when it was called,
 * gives the latter (of several, the one ordered last).
 *
 * An order with every operation at a distinct position, or at a position shared with others that commute with it, respects real
 * time exactly if this finds nothing. Linear in the operations if they are sorted by call, else as fast as sorting.
 *
 * @param returns Infinity for an operation that never returned
 */
export function findInversions(
  calls: Float64Array,
  returns: Float64Array,
  positions: Float64Array,
): Inversion[] {
  const byCall = sortedBy(calls);
  const byReturn = sortedBy(returns);
  const inversions: Inversion[] = [];
  let next = 0;
  let latest = -1;
  for (const second of byCall) {
    // Strictly before: what returns at the very time of this call counts as concurrent.
    for (; returns[byReturn[next]!]! < calls[second]!; next += 1) {
      const returned = byReturn[next]!;
      if (latest === -1 || positions[returned]! > positions[latest]!) latest = returned;
    }
    if (latest !== -1 && positions[latest]! > positions[second]!) inversions.push({ first: latest, second });
  }
  return inversions;
}

function sortedBy(times: Float64Array): Uint32Array {
  const order = new Uint32Array(times.length);
  let sorted = true;
  for (let i = 0; i < order.length; i += 1) {
    order[i] = i;
    if (i > 0 && times[i]! < times[i - 1]!) sorted = false;
  }
  // Not the difference of the times: Infinity - Infinity compares with nothing.
  return sorted
    ? order
    : order.toSorted((a, b) => (times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : a - b));
}
