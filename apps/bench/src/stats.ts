/** The value below which the share `q` of the numbers lies; NaN of none. */
export function quantile(numbers: Iterable<number>, q: number): number {
  const sorted = Float64Array.from(numbers).toSorted();
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(numbers: Iterable<number>): number {
  return quantile(numbers, 0.5);
}
