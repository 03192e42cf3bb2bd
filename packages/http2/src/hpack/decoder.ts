import { ConnectionError, ErrorCode } from "../errors.ts";
import { DynamicTable, sizeOf } from "./dynamic-table.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_ENTRIES, STATIC_FIELDS } from "./static-table.ts";

export interface DecoderLimits {
  /** Bytes of the headers of a request, counted as RFC 9113 counts them (6.5.2). */
  readonly maxHeaderBytes: number;
  readonly maxHeaderPairs: number;
}

const MAX_TABLE_BYTES = 4096;
/** Of a number: more than any length or index that is valid here. */
const MAX_INTEGER = 0x7fffff;

/** Decodes the header blocks of one connection, each in turn and all of them: they build on each other (RFC 7541). */
export class HpackDecoder {
  readonly #table = new DynamicTable(MAX_TABLE_BYTES);
  readonly #limits: DecoderLimits;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  constructor(limits: DecoderLimits) {
    this.#limits = limits;
  }

  /** While it is the same, the same bytes mean the same headers, unless they change it. */
  get changes(): number {
    return this.#table.changes;
  }

  /**
   * Names and values in turn; null for more of them than allowed. The whole block is read then, too: later ones build on it. Throws a ConnectionError
   * with COMPRESSION_ERROR for what is no header block.
   */
  decode(bytes: Uint8Array, from: number, to: number): string[] | null {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    const fields: string[] = [];
    let listBytes = 0;
    let pairs = 0;
    while (this.#at < to) {
      const first = bytes[this.#at] ?? 0;
      if ((first & 0xe0) === 0x20) {
        // Only at the beginning of a block (RFC 7541, 4.2).
        if (pairs > 0) throw faulty("the size of a table changes within a block");
        this.#resize(this.#integer(5));
        continue;
      }
      const { name, value } = this.#field(first);
      pairs += 1;
      listBytes += sizeOf(name, value);
      if (pairs <= this.#limits.maxHeaderPairs && listBytes <= this.#limits.maxHeaderBytes) {
        fields.push(name, value);
      }
    }
    return fields.length === pairs * 2 ? fields : null;
  }

  #field(first: number): { readonly name: string; readonly value: string } {
    if ((first & 0x80) !== 0) {
      const index = this.#integer(7);
      return { name: this.#nameAt(index), value: this.#valueAt(index) };
    }
    const isAdded = (first & 0x40) !== 0;
    const index = this.#integer(isAdded ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#nameAt(index);
    const value = this.#string();
    if (isAdded) this.#table.add(name, value);
    return { name, value };
  }

  #resize(maxBytes: number): void {
    if (maxBytes > MAX_TABLE_BYTES) throw faulty("a table of headers larger than allowed");
    this.#table.resize(maxBytes);
  }

  #nameAt(index: number): string {
    const name =
      index <= STATIC_ENTRIES ? STATIC_FIELDS[2 * index - 2] : this.#table.nameAt(index - STATIC_ENTRIES - 1);
    if (name === undefined) throw faulty("an index of no header");
    return name;
  }

  #valueAt(index: number): string {
    const value =
      index <= STATIC_ENTRIES
        ? STATIC_FIELDS[2 * index - 1]
        : this.#table.valueAt(index - STATIC_ENTRIES - 1);
    if (value === undefined) throw faulty("an index of no header");
    return value;
  }

  /** RFC 7541, 5.1. */
  #integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > MAX_INTEGER || shift > 28) throw faulty("a number that is too large");
      if ((byte & 0x80) === 0) return value;
    }
  }

  #string(): string {
    const isHuffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw faulty("a block that ends early");
    if (!isHuffman) return latin1(this.#bytes, from, this.#at);
    const text = decodeHuffman(this.#bytes, from, this.#at);
    if (text === null) throw faulty("a string that is not encoded as it says");
    return text;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw faulty("a block that ends early");
    const byte = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

function faulty(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.compressionError, `headers: ${text}`);
}
