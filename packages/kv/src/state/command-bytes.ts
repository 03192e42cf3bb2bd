/** The fields of a `kvraftpb.CommandRequest`, and where in its bytes key and value are. */
export interface Located {
  readonly op: number;
  readonly keyFrom: number;
  readonly keyTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
  readonly clientId: bigint;
  readonly commandId: bigint;
}

const KEY = 0x0a;
const VALUE = 0x12;
const OP = 0x18;
const CLIENT_ID = 0x20;
const COMMAND_ID = 0x28;

/** Above this, the platform's own decoder is faster than a look at each byte. */
const LONG_TEXT_BYTES = 1024;

interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: (
      name: string,
    ) => { readonly isUtf8?: (bytes: Uint8Array) => boolean } | undefined;
  };
}

/** Node's own where there is one: it makes no text that nobody reads, of a megabyte, on every server. */
const isUtf8 = (globalThis as Platform).process?.getBuiltinModule?.("node:buffer")?.isUtf8 ?? portablyIsUtf8;

/**
 * Finds the fields in `bytes` if these are exactly what {@link encodeCommand} makes, and their texts UTF-8: fields in order, none twice, none that is unknown, no
 * default written down. Null for all else, which may be a command, too, and is left to protobuf-es. Nearly every command that comes is of this kind: every server looks
 * at each of them twice, and a message made of it would cost more than everything else that it does with a small write.
 */
export function locate(bytes: Uint8Array): Located | null {
  const cursor = new Cursor(bytes);
  const keyTo = cursor.bytes(KEY);
  const keyFrom = keyTo - cursor.length;
  const valueTo = cursor.bytes(VALUE);
  const valueFrom = valueTo - cursor.length;
  const op = cursor.small(OP);
  const clientId = cursor.integer(CLIENT_ID);
  const commandId = cursor.integer(COMMAND_ID);
  if (cursor.isFaulty || cursor.at !== bytes.length) return null;
  if (!isText(bytes, keyFrom, keyTo) || !isText(bytes, valueFrom, valueTo)) return null;
  return { op, keyFrom, keyTo, valueFrom, valueTo, clientId, commandId };
}

/** Goes from field to field. One that is not there has its default, and the cursor stays. */
class Cursor {
  at = 0;
  /** Of the last bytes. */
  length = 0;
  isFaulty = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Passes the bytes of a field, and returns where they end. */
  bytes(tag: number): number {
    this.length = 0;
    if (!this.#pass(tag)) return this.at;
    // Nothing that is bounded by 31 bits is longer than five bytes.
    const length = this.#varint(5);
    this.length = length;
    this.at += length;
    if (this.at > this.#bytes.length) this.isFaulty = true;
    return this.at;
  }

  /** A number below 128. */
  small(tag: number): number {
    return this.#pass(tag) ? this.#varint(1) : 0;
  }

  /** An int64. */
  integer(tag: number): bigint {
    if (this.isFaulty || !this.#pass(tag)) return 0n;
    const from = this.at;
    const low = this.#varint(7);
    if (!this.isFaulty) return BigInt(low);
    this.isFaulty = false;
    this.at = from;
    return this.#long();
  }

  #pass(tag: number): boolean {
    if (this.#bytes[this.at] !== tag) return false;
    this.at += 1;
    return true;
  }

  /** In `most` bytes, of which seven are safe, and as few as possible. */
  #varint(most: number): number {
    let value = 0;
    let unit = 1;
    for (let count = 1; count <= most; count += 1) {
      const byte = this.#bytes[this.at] ?? 0;
      this.at += 1;
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (byte >= 0x80) continue;
      // Zero is the default, or written with a byte that says nothing; or the end was passed.
      if (byte === 0) this.isFaulty = true;
      return value;
    }
    this.isFaulty = true;
    return 0;
  }

  /** What takes eight to ten bytes. */
  #long(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at] ?? 0;
      this.at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      // Of the tenth byte, there is one bit.
      if (byte === 0 || (shift === 63n && byte !== 1)) this.isFaulty = true;
      return BigInt.asIntN(64, value);
    }
    this.isFaulty = true;
    return 0n;
  }
}

function isText(bytes: Uint8Array, from: number, to: number): boolean {
  return (to - from <= LONG_TEXT_BYTES && isAscii(bytes, from, to)) || isUtf8(bytes.subarray(from, to));
}

/** Whether they are UTF-8, where there is no Node. */
export function portablyIsUtf8(bytes: Uint8Array): boolean {
  try {
    STRICT.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const STRICT = new TextDecoder("utf-8", { fatal: true });

/** Whether each of these bytes is a character by itself. */
export function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (bytes[at]! >= 0x80) return false;
  }
  return true;
}
