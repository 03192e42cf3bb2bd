import { type ByteString, writeByteString } from "./byte-string.ts";

// Just enough of protobuf's encoding for what is in the log, with numbers where protobuf-es has bigints and arrays: every server reads every write.

/** The wire types that occur. */
export const VARINT = 0;
export const LENGTH_DELIMITED = 2;

const FIRST_BYTES = 1024;
/** What a varint that is a double at the end may have; the tenth byte of a negative int64 is among them. */
const MAX_VARINT_BYTES = 10;
/** In so many there is no number that is not exact. */
const SAFE_VARINT_BYTES = 7;

/** Reads from the first byte to the last. Throws for what ends too early. */
export class WireReader {
  at = 0;
  readonly length: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  /** The number of a field times eight, and its wire type. */
  tag(): number {
    return this.unsigned();
  }

  /** An int64. Not exact beyond the safe integers. */
  integer(): number {
    const from = this.at;
    const value = this.unsigned();
    return this.at - from <= SAFE_VARINT_BYTES ? value : this.#long(from);
  }

  unsigned(): number {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new RangeError("it ends too early");
      this.at += 1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw new RangeError("a number of more than ten bytes");
  }

  /** What is length-delimited. Shares the memory of the whole. */
  bytes(): Uint8Array {
    const end = this.end();
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  /** Where a message ends whose length comes next; stands at its beginning then. */
  end(): number {
    const length = this.unsigned();
    const end = this.at + length;
    if (end > this.length) throw new RangeError("it ends too early");
    return end;
  }

  /** The number that was passed last, which begins at `from`: its sum was not exact, and says nothing of its sign. */
  #long(from: number): number {
    let value = 0n;
    for (let at = from; at < this.at; at += 1) {
      value |= BigInt((this.#bytes[at] ?? 0) & 0x7f) << BigInt(7 * (at - from));
    }
    return Number(BigInt.asIntN(64, value));
  }
}

/** Writes into one piece of memory, which grows. */
export class WireWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #at = 0;

  byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  /** A field with a number from 0 up, or below: as an int64 then, in ten bytes. */
  integer(field: number, value: number): void {
    this.#reserve(2 + MAX_VARINT_BYTES);
    this.#varint((field << 3) | VARINT);
    this.#varint(value);
  }

  bytes(field: number, value: ByteString | Uint8Array): void {
    const { length } = value;
    this.#reserve(2 + MAX_VARINT_BYTES + length);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#varint(length);
    if (typeof value === "string") writeByteString(value, this.#bytes, this.#at);
    else this.#bytes.set(value, this.#at);
    this.#at += length;
  }

  /** Begins a field that is a message; what is returned belongs to `close`. */
  open(field: number): number {
    this.#reserve(3);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#at += 1;
    return this.#at;
  }

  /** Its length is known now. Where that takes more than the one byte that was left for it, the message moves. */
  close(from: number): void {
    const length = this.#at - from;
    if (length >= 0x80) {
      const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
      this.#reserve(more);
      this.#bytes.copyWithin(from + more, from, this.#at);
      this.#at = from - 1;
      this.#varint(length);
      this.#at += length;
    } else {
      this.#bytes[from - 1] = length;
    }
  }

  /** All of it, in memory of its own size. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  #varint(value: number): void {
    if (value < 0) return this.#negative(value);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at] = (rest % 0x80) | 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) {
      this.#bytes[this.#at] = Number(rest & 0x7fn) | 0x80;
      this.#at += 1;
    }
    this.#bytes[this.#at] = Number(rest);
    this.#at += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
