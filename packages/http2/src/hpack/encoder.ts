import { DynamicTable } from "./dynamic-table.ts";
import type { HeaderList } from "./header-list.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";
import { STATIC_ENTRIES, STATIC_NAMES, STATIC_PAIRS } from "./static-table.ts";

const DEFAULT_TABLE_BYTES = 4096;
const INDEXED = 0x80;
const ADDED = 0x40;
const NOT_ADDED = 0;
const TABLE_SIZE = 0x20;
const HUFFMAN = 0x80;

interface Encoded {
  readonly list: HeaderList;
  readonly date: string | null;
  readonly changes: number;
  readonly block: Uint8Array;
}

/** So many lists of a connection are kept encoded. */
const KEPT = 4;

/** Encodes the headers and trailers that one connection sends, in the order in which they are sent (RFC 7541). */
export class HpackEncoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  /** The smallest and the last of what the peer has allowed since the last block (RFC 7541, 4.2). */
  #resizes: [smallest: number, last: number] | null = null;
  #bytes = Buffer.allocUnsafeSlow(256);
  #at = 0;
  readonly #kept: Encoded[] = [];
  #nextKept = 0;

  /** The peer keeps a table of so many bytes at most. */
  allow(maxBytes: number): void {
    const bytes = Math.min(maxBytes, DEFAULT_TABLE_BYTES);
    this.#resizes = [Math.min(bytes, this.#resizes?.[0] ?? bytes), bytes];
  }

  /** The block of `list`, and of a `date`; its bytes are good until the next call. */
  encode(list: HeaderList, date: string | null): Uint8Array {
    const kept = list.isFixed && this.#resizes === null ? this.#find(list, date) : null;
    if (kept !== null) return kept;
    this.#at = 0;
    this.#resizeTable();
    const { fields, isFixed } = list;
    for (let i = 0; i < fields.length; i += 2) this.#field(fields[i] ?? "", fields[i + 1] ?? "", isFixed);
    if (date !== null) this.#field("date", date, true);
    if (isFixed) this.#keep(list, date);
    return this.#bytes.subarray(0, this.#at);
  }

  #find(list: HeaderList, date: string | null): Uint8Array | null {
    const { changes } = this.#table;
    for (const kept of this.#kept) {
      if (kept.list === list && kept.changes === changes && kept.date === date) return kept.block;
    }
    return null;
  }

  /** What there is to send from now on, if all of it is in the tables by now: an index for each field. Changes nothing, as it is not sent. */
  #keep(list: HeaderList, date: string | null): void {
    const from = this.#at;
    this.#reserve(list.fields.length * 2 + 8);
    let isKept = true;
    for (let i = 0; i < list.fields.length; i += 2) {
      isKept &&= this.#indexed(list.fields[i] ?? "", list.fields[i + 1] ?? "");
    }
    if (date !== null) isKept &&= this.#indexed("date", date);
    if (isKept) {
      const block = Uint8Array.from(this.#bytes.subarray(from, this.#at));
      this.#kept[this.#nextKept % KEPT] = { list, date, changes: this.#table.changes, block };
      this.#nextKept += 1;
    }
    this.#at = from;
  }

  /** Writes the index of a field that is in one of the tables; false if it is not. */
  #indexed(name: string, value: string): boolean {
    const inStatic = STATIC_PAIRS.get(`${name}\0${value}`);
    if (inStatic !== undefined) {
      this.#integer(INDEXED, 7, inStatic);
      return true;
    }
    const inTable = this.#table.indexOf(name, value);
    if (inTable < 0) return false;
    this.#integer(INDEXED, 7, inTable + STATIC_ENTRIES + 1);
    return true;
  }

  #resizeTable(): void {
    if (this.#resizes === null) return;
    const [smallest, last] = this.#resizes;
    this.#resizes = null;
    this.#reserve(8);
    for (const maxBytes of smallest < last ? [smallest, last] : [last]) {
      this.#table.resize(maxBytes);
      this.#integer(TABLE_SIZE, 5, maxBytes);
    }
  }

  #field(name: string, value: string, isAdded: boolean): void {
    this.#reserve(name.length + value.length + 16);
    if (this.#indexed(name, value)) return;
    const isInTable = isAdded && this.#table.maxBytes > 0;
    this.#integer(isInTable ? ADDED : NOT_ADDED, isInTable ? 6 : 4, STATIC_NAMES.get(name) ?? 0);
    if (!STATIC_NAMES.has(name)) this.#string(name);
    this.#string(value);
    if (isInTable) this.#table.add(name, value);
  }

  #string(text: string): void {
    const length = huffmanLength(text);
    if (length < text.length) {
      this.#integer(HUFFMAN, 7, length);
      this.#at = encodeHuffman(text, this.#bytes, this.#at);
    } else {
      this.#integer(0, 7, text.length);
      this.#at += this.#bytes.write(text, this.#at, "latin1");
    }
  }

  #integer(flags: number, prefixBits: number, value: number): void {
    const most = (1 << prefixBits) - 1;
    if (value < most) {
      this.#bytes[this.#at] = flags | value;
      this.#at += 1;
      return;
    }
    this.#bytes[this.#at] = flags | most;
    this.#at += 1;
    let rest = value - most;
    for (; rest >= 0x80; rest >>>= 7) {
      this.#bytes[this.#at] = (rest & 0x7f) | 0x80;
      this.#at += 1;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
