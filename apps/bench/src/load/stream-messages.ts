import { DIGITS, keyAt, valueOf } from "./keys.ts";

// The two messages of eraft.kv.v1.KvService/Stream, written and read without anything in between: what the generator needs is missing to the servers.

const FRAME_BYTES = 5;
/** Of a put beside its key and value: ids, lengths and tags, at most. */
const REST_BYTES = 96;
const ZERO = 0x30;
const PUT = 3;
const FAILURE = 8;

export interface Puts {
  readonly sessionId: number;
  readonly keys: number;
  readonly valueBytes: number;
}

/** The frame of a StreamRequest with puts number `from` to `to` - 1, each with its number and 1 as its call's id and its sequence. */
export function putRequests(
  { sessionId, keys, valueBytes }: Puts,
  from: number,
  to: number,
  firstUnanswered: number,
): Buffer {
  const writer = new Writer(FRAME_BYTES + (to - from) * (REST_BYTES + 16 + valueBytes));
  writer.at = FRAME_BYTES;
  const template = valueOf(valueBytes, 0);
  for (let number = from; number < to; number += 1) {
    const call = writer.open(1);
    writer.number(1, number + 1);
    const put = writer.open(PUT);
    writer.text(1, keyAt(number % keys));
    writer.value(2, template, number);
    const serial = writer.open(3);
    writer.number(1, sessionId);
    writer.number(2, number + 1);
    writer.number(3, firstUnanswered);
    writer.close(serial);
    writer.close(put);
    writer.close(call);
  }
  const bytes = writer.buffer.subarray(0, writer.at);
  bytes[0] = 0;
  bytes.writeUInt32BE(bytes.length - FRAME_BYTES, 1);
  return bytes;
}

/**
 * How many replies to puts a StreamResponse has: the first one to the call `firstId`, and so on. Throws for any other reply, and for what is no such message.
 */
export function countReplies(response: Buffer, firstId: number): number {
  let count = 0;
  for (let at = 0; at < response.length;) {
    if (response[at] !== 0x0a) throw new Error("a response has something else than replies");
    const length = varint(response, at + 1);
    const from = at + 1 + sizeOf(length);
    at = from + length;
    if (response[from] !== 0x08) throw new Error("a reply without the id of its call");
    const id = varint(response, from + 1);
    if (id !== firstId + count) throw new Error("an answer came out of its turn");
    const kind = response[from + 1 + sizeOf(id)];
    if (kind === ((FAILURE << 3) | 2))
      throw new Error(`a put was refused: ${response.toString("latin1", from, at)}`);
    if (kind !== ((PUT << 3) | 2)) throw new Error("a put got the answer of something else");
    count += 1;
  }
  return count;
}

/** Of the number at that place. Throws where it does not end. */
function varint(bytes: Buffer, from: number): number {
  let value = 0;
  for (let at = from, unit = 1; unit < 2 ** 49; at += 1, unit *= 0x80) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
  }
  throw new Error("a message ends within a number");
}

/** How many bytes it takes. */
function sizeOf(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) size += 1;
  return size;
}

class Writer {
  readonly buffer: Buffer;
  at = 0;

  constructor(maxBytes: number) {
    this.buffer = Buffer.allocUnsafe(maxBytes);
  }

  number(field: number, value: number): void {
    this.#varint(field << 3);
    this.#varint(value);
  }

  text(field: number, text: string): void {
    this.#varint((field << 3) | 2);
    this.#varint(text.length);
    this.at += this.buffer.write(text, this.at, "latin1");
  }

  /** The value of a put of that number: as the one of number 0, but for the digits in front. */
  value(field: number, template: Buffer, number: number): void {
    this.#varint((field << 3) | 2);
    this.#varint(template.length);
    this.buffer.set(template, this.at);
    let rest = number;
    for (let at = this.at + Math.min(DIGITS, template.length) - 1; rest > 0 && at >= this.at; at -= 1) {
      this.buffer[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.at += template.length;
  }

  /** Begins a message, for whose length it leaves four bytes: more than it needs, which protobuf allows. */
  open(field: number): number {
    this.#varint((field << 3) | 2);
    this.at += 4;
    return this.at;
  }

  close(from: number): void {
    let length = this.at - from;
    for (let at = from - 4; at < from; at += 1) {
      this.buffer[at] = (length & 0x7f) | (at === from - 1 ? 0 : 0x80);
      length >>>= 7;
    }
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.buffer[this.at] = (rest % 0x80) | 0x80;
      this.at += 1;
    }
    this.buffer[this.at] = rest;
    this.at += 1;
  }
}
