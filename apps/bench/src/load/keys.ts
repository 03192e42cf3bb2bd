/** A key of 16 bytes. */
export function keyAt(index: number): string {
  return `key-${String(index).padStart(DIGITS, "0")}`;
}

export const DIGITS = 12;

/** A value that says which write it is of, so that a later look finds out whether the right one is there. */
export function valueOf(bytes: number, write: number): Buffer {
  const value = Buffer.alloc(bytes, "v");
  value.write(String(write).padStart(Math.min(DIGITS, bytes), "0").slice(-bytes));
  return value;
}
