/**
 * Bytes as a string: one character from U+0000 to U+00FF for each. Compared as strings they are in the order of their bytes, they are keys of a Map, and one costs
 * its bytes and 16 more, where a `Uint8Array` costs 200.
 */
export type ByteString = string;

/** Strings from more bytes than this are made in parts: arguments of a call go over the stack. */
const PART_BYTES = 4096;

/** Up to here a loop is done before Node has found out what it was called for. */
const SHORT_LENGTH = 32;

interface NodeBuffer {
  readonly latin1Slice?: (this: Uint8Array, start: number, end: number) => string;
  readonly latin1Write?: (this: Uint8Array, text: string, at: number, length: number) => number;
}

/** Node's own ways, which copy memory; elsewhere there are none. */
const { latin1Slice, latin1Write } =
  (globalThis as { readonly Buffer?: { readonly prototype: NodeBuffer } }).Buffer?.prototype ?? {};

export function byteStringOf(bytes: Uint8Array): ByteString {
  return latin1Slice === undefined ? portably(bytes) : latin1Slice.call(bytes, 0, bytes.length);
}

/** What {@link byteStringOf} does where there is no Node. */
export function portably(bytes: Uint8Array): ByteString {
  if (bytes.length <= PART_BYTES) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    parts.push(portably(bytes.subarray(at, at + PART_BYTES)));
  }
  return parts.join("");
}

export function bytesOf(text: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeByteString(text, bytes, 0);
  return bytes;
}

/** Writes `text` into `bytes` from `at` on. */
export function writeByteString(text: ByteString, bytes: Uint8Array, at: number): void {
  if (latin1Write !== undefined && text.length > SHORT_LENGTH) {
    latin1Write.call(bytes, text, at, text.length);
    return;
  }
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

/** The UTF-8 of `text`; a lone surrogate becomes U+FFFD, as with all encoders. */
export function utf8Of(text: string): ByteString {
  return isAscii(text) ? text : byteStringOf(ENCODER.encode(text));
}

/** The text whose UTF-8 these bytes are; null if they are none. */
export function textOf(bytes: ByteString | Uint8Array): string | null {
  if (typeof bytes === "string" && isAscii(bytes)) return bytes;
  try {
    return DECODER.decode(typeof bytes === "string" ? bytesOf(bytes) : bytes);
  } catch {
    return null;
  }
}

/** Whether these bytes are UTF-8. */
export function isText(bytes: ByteString | Uint8Array): boolean {
  return textOf(bytes) !== null;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
