const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes for people: `512 B`, `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // From 1023.95 on it would be rounded to "1024.0".
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}
