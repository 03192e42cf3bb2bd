import { type ByteString, byteStringOf, bytesOf } from "./byte-string.ts";

/**
 * A value as it is kept: up to {@link SMALL_VALUE_BYTES} as a string, of which a million are no burden, and above that as bytes outside of the heap. Never modified.
 */
export type Value = ByteString | Uint8Array;

export const SMALL_VALUE_BYTES = 512;

/** A value of these bytes, which stay as they are from now on. Large ones are copied only where they would keep alive a buffer of twice their size. */
export function valueOf(bytes: Uint8Array): Value {
  if (bytes.length <= SMALL_VALUE_BYTES) return byteStringOf(bytes);
  return bytes.byteLength * 2 >= bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** The same for bytes that are a string already. */
export function valueOfString(text: ByteString): Value {
  return text.length <= SMALL_VALUE_BYTES ? text : bytesOf(text);
}

/** Bytes to send or compare, not to be modified. */
export function valueBytes(value: Value): Uint8Array {
  return typeof value === "string" ? bytesOf(value) : value;
}

export function areEqual(a: Value, b: Value): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** The value with the bytes of `a`, then those of `b`. */
export function concatenated(a: Value, b: Value): Value {
  const length = a.length + b.length;
  if (typeof a === "string" && typeof b === "string" && length <= SMALL_VALUE_BYTES) {
    return flat(a + b);
  }
  const bytes = new Uint8Array(length);
  bytes.set(valueBytes(a));
  bytes.set(valueBytes(b), a.length);
  return bytes;
}

/**
 * The same string in one piece. An engine keeps what was put together as a tree of its pieces until somebody looks into it: a value that grew byte by byte would
 * take 32 bytes for each.
 */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}
