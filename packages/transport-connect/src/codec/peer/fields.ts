/** Bytes of a tag, a length and that many bytes. */
export function lengthSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Bytes of a tag and a number; 0 is left out. */
export function fieldSize(value: number | bigint): number {
  const number = Number(value);
  return number === 0 ? 0 : 1 + varintSize(number);
}

/** Bytes of a tag and a number of 32 bits that is written as such; 0 is left out. */
export function fixed32Size(value: number): number {
  return value === 0 ? 0 : 5;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

/** Writes the fields of protobuf messages, whose tags are of one byte, into memory that is large enough. */
export class FieldWriter {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  field(tag: number, value: number | bigint): void {
    const number = Number(value);
    if (number === 0) return;
    this.#byte(tag);
    this.#varint(number);
  }

  fixed32(tag: number, value: number): void {
    if (value === 0) return;
    this.#byte(tag);
    for (let shift = 0; shift < 32; shift += 8) this.#byte((value >>> shift) & 0xff);
  }

  /** Begins a message of so many bytes. */
  length(tag: number, length: number): void {
    this.#byte(tag);
    this.#varint(length);
  }

  /** Left out if there are none. */
  bytes(tag: number, value: Uint8Array): void {
    if (value.byteLength === 0) return;
    this.length(tag, value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }
}
