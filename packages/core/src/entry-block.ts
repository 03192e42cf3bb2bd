import { invariant } from "./assert.ts";
import { ENTRY_OVERHEAD_BYTES, entryBytes } from "./entry-size.ts";
import type { Entry, LogIndex, Term } from "./types.ts";

/** A larger command is not copied: what it costs beside its bytes does not matter. */
const MAX_PACKED_BYTES = 1024;

/** Consecutive entries that are no longer new. */
export interface EntryBlock {
  /** Of all of them, as {@link entryBytes} counts. */
  readonly bytes: number;
  termAt(at: number): Term;
  /** As {@link entryBytes}. */
  bytesAt(at: number): number;
  entryAt(at: number): Entry;
}

/** Packs `entries` unless they are better left as they are. */
export function blockOf(entries: readonly Entry[]): EntryBlock {
  const [first] = entries;
  const canBePacked = ({ command, configuration, term }: Entry): boolean =>
    term === first?.term && configuration === undefined && command.length <= MAX_PACKED_BYTES;
  return first !== undefined && entries.every(canBePacked)
    ? new PackedEntries(first, entries)
    : new PlainEntries(entries);
}

/**
 * Entries of one term in two pieces of memory. An entry by itself is two objects, which take as much memory as a small command and are looked at again
 * whenever the garbage is collected; of a log there may be a hundred thousand.
 */
class PackedEntries implements EntryBlock {
  readonly bytes: number;
  readonly #term: Term;
  readonly #first: LogIndex;
  /** Where in `commands` each command ends. */
  readonly #ends: Uint32Array;
  readonly #commands: Uint8Array;

  constructor({ index, term }: Entry, entries: readonly Entry[]) {
    this.#term = term;
    this.#first = index;
    const ends = new Uint32Array(entries.length);
    let end = 0;
    let at = 0;
    for (const { command } of entries) {
      end += command.length;
      ends[at] = end;
      at += 1;
    }
    const commands = new Uint8Array(end);
    let from = 0;
    for (const { command } of entries) {
      commands.set(command, from);
      from += command.length;
    }
    this.#ends = ends;
    this.#commands = commands;
    this.bytes = end + entries.length * ENTRY_OVERHEAD_BYTES;
  }

  termAt(): Term {
    return this.#term;
  }

  bytesAt(at: number): number {
    return this.#endOf(at) - this.#endOf(at - 1) + ENTRY_OVERHEAD_BYTES;
  }

  /** Its command has memory of its own: whoever keeps it would otherwise keep all the others. */
  entryAt(at: number): Entry {
    const command = this.#commands.slice(this.#endOf(at - 1), this.#endOf(at));
    return { index: this.#first + at, term: this.#term, command };
  }

  #endOf(at: number): number {
    return this.#ends[at] ?? 0;
  }
}

class PlainEntries implements EntryBlock {
  readonly bytes: number;
  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    this.bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }

  termAt(at: number): Term {
    return this.entryAt(at).term;
  }

  bytesAt(at: number): number {
    return entryBytes(this.entryAt(at));
  }

  entryAt(at: number): Entry {
    const entry = this.#entries[at];
    invariant(entry !== undefined, "a position that the block does not have");
    return entry;
  }
}
