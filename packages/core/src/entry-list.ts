import { invariant } from "./assert.ts";
import { blockOf, type EntryBlock } from "./entry-block.ts";
import { entryBytes } from "./entry-size.ts";
import type { Entry, Term } from "./types.ts";

/** So many blocks of what could be packed stay as they came: a follower may still have to get them. */
const SPARED_BLOCKS = 4;

/**
 * The entries of a log, from position 0. They come at the end, and go at both. Those that nobody is busy with any more are packed in blocks of `blockEntries`, which
 * take less memory; an entry that somebody asks for there is made anew.
 */
export class EntryList {
  readonly #blockEntries: number;
  #blocks: EntryBlock[] = [];
  /** How many entries are in these. */
  #inBlocks = 0;
  /** Of the first block, what is gone already. */
  #gone = 0;
  /** Those after the blocks. */
  #new: Entry[] = [];

  constructor(blockEntries: number) {
    this.#blockEntries = blockEntries;
  }

  get length(): number {
    return this.#inBlocks - this.#gone + this.#new.length;
  }

  get lastTerm(): Term | undefined {
    return this.#new.at(-1)?.term ?? this.termAt(this.length - 1);
  }

  termAt(at: number): Term | undefined {
    if (at < 0) return undefined;
    const position = at + this.#gone;
    const inBlocks = this.#inBlocks;
    if (position >= inBlocks) return this.#new[position - inBlocks]?.term;
    return this.#blockAt(position).termAt(position % this.#blockEntries);
  }

  /** Bytes of the entries from `from` on and before `to`; see {@link entryBytes}. */
  bytesBetween(from: number, to: number): number {
    const size = this.#blockEntries;
    const inBlocks = this.#inBlocks;
    const end = to + this.#gone;
    let bytes = 0;
    let position = from + this.#gone;
    while (position < Math.min(end, inBlocks)) {
      const block = this.#blockAt(position);
      const isWhole = position % size === 0 && position + size <= end;
      bytes += isWhole ? block.bytes : block.bytesAt(position % size);
      position += isWhole ? size : 1;
    }
    for (; position < end; position += 1) bytes += entryBytes(present(this.#new[position - inBlocks]));
    return bytes;
  }

  /** The entries from `from` on and before `to`. */
  slice(from: number, to: number): Entry[] {
    const inBlocks = this.#inBlocks;
    const first = from + this.#gone;
    const end = to + this.#gone;
    if (first >= inBlocks) return this.#new.slice(first - inBlocks, end - inBlocks);
    const entries = this.#inBlocksBetween(first, Math.min(end, inBlocks));
    return end > inBlocks ? [...entries, ...this.#new.slice(0, end - inBlocks)] : entries;
  }

  push(entry: Entry): void {
    this.#new.push(entry);
  }

  /** Packs the entries before `end`, but for some of the last ones. */
  pack(end: number): void {
    const size = this.#blockEntries;
    const count = Math.floor((end + this.#gone - this.#inBlocks) / size) - SPARED_BLOCKS;
    // Some at a time, as what is left moves.
    if (count < SPARED_BLOCKS) return;
    for (let block = 0; block < count; block += 1) {
      this.#blocks.push(blockOf(this.#new.slice(block * size, (block + 1) * size)));
    }
    this.#inBlocks += count * size;
    this.#new = this.#new.slice(count * size);
  }

  /** Drops all but the first `length`. */
  truncate(length: number): void {
    const end = length + this.#gone;
    const inBlocks = this.#inBlocks;
    if (end >= inBlocks) {
      this.#new.length = Math.min(this.#new.length, end - inBlocks);
      return;
    }
    const whole = Math.floor(end / this.#blockEntries);
    this.#new = this.#inBlocksBetween(whole * this.#blockEntries, end);
    this.#blocks.length = whole;
    this.#inBlocks = whole * this.#blockEntries;
    this.#settle();
  }

  /** Drops the first `count`. */
  dropFirst(count: number): void {
    this.#gone += count;
    const whole = Math.min(this.#blocks.length, Math.floor(this.#gone / this.#blockEntries));
    // Not `splice`, which moves what is left within the memory that all of it took.
    this.#blocks = this.#blocks.slice(whole);
    this.#inBlocks -= whole * this.#blockEntries;
    this.#gone -= whole * this.#blockEntries;
    this.#settle();
  }

  /** Without blocks nothing is gone of them. */
  #settle(): void {
    if (this.#blocks.length > 0 || this.#gone === 0) return;
    this.#new = this.#new.slice(this.#gone);
    this.#gone = 0;
  }

  #blockAt(position: number): EntryBlock {
    return present(this.#blocks[Math.floor(position / this.#blockEntries)]);
  }

  #inBlocksBetween(from: number, to: number): Entry[] {
    const entries: Entry[] = [];
    for (let position = from; position < to; position += 1) {
      entries.push(this.#blockAt(position).entryAt(position % this.#blockEntries));
    }
    return entries;
  }
}

function present<T>(found: T | undefined): T {
  invariant(found !== undefined, "a position that the log does not have");
  return found;
}
