import type { LogIndex, Term } from "@eraft/core";
import { GoSlice } from "./slice.ts";
import type { GoEntry } from "./types.ts";

const ZERO: GoEntry = { index: 0, term: 0, command: null };

/** A Go node's log: position 0 is the dummy, and every index is turned into a position without asking whether it lies in the log. */
export class GoLog {
  #entries: GoSlice<GoEntry>;

  constructor(entries: readonly GoEntry[] = [ZERO]) {
    this.#entries = GoSlice.of(entries, ZERO);
  }

  /** The dummy's index: the snapshot's, 0 if there is none. */
  get firstIndex(): LogIndex {
    return this.#entries.at(0).index;
  }

  get lastIndex(): LogIndex {
    return this.#entries.at(this.#entries.length - 1).index;
  }

  get lastTerm(): Term {
    return this.#entries.at(this.#entries.length - 1).term;
  }

  termAt(index: LogIndex): Term {
    return this.#entries.at(index - this.firstIndex).term;
  }

  /** Whether the entry at `index`, the dummy included, has `term`. */
  matches(term: Term, index: LogIndex): boolean {
    return index <= this.lastIndex && this.termAt(index) === term;
  }

  isUpToDate(lastLogTerm: Term, lastLogIndex: LogIndex): boolean {
    return lastLogTerm > this.lastTerm || (lastLogTerm === this.lastTerm && lastLogIndex >= this.lastIndex);
  }

  /** The entries from `index` to the end. Panics where there is not even a next entry to be (L15). */
  from(index: LogIndex): GoEntry[] {
    return this.#entries.slice(index - this.firstIndex).toArray();
  }

  /** The entries from `first` to `last`. What `last` names beyond the log comes from memory that once was log. */
  range(first: LogIndex, last: LogIndex): GoEntry[] {
    return this.#entries.slice(first - this.firstIndex, last + 1 - this.firstIndex).toArray();
  }

  append(entry: GoEntry): void {
    this.#entries = this.#entries.append([entry]);
  }

  /**
   * Takes over what differs. Trusts `index` of every entry: one below the dummy, or beyond the memory, kills the process (L15); one beyond the log
   * but within the memory brings truncated entries back (S8); and nothing keeps it from truncating what is committed (S8).
   */
  merge(entries: readonly GoEntry[]): void {
    const { firstIndex } = this;
    for (const [at, { index, term }] of entries.entries()) {
      const position = index - firstIndex;
      if (position < this.#entries.length && this.#entries.at(position).term === term) continue;
      this.#entries = this.#entries.slice(0, position).append(entries.slice(at)).shrink();
      return;
    }
  }

  /** Drops everything below `index`, whose entry becomes the dummy. */
  compact(index: LogIndex): void {
    this.#become(this.#entries.slice(index - this.firstIndex).shrink());
  }

  /** Keeps everything above a snapshot, whatever the own term at its index was (S5). */
  install(lastIncludedIndex: LogIndex, lastIncludedTerm: Term): void {
    if (lastIncludedIndex > this.lastIndex) this.#entries = GoSlice.of([ZERO], ZERO);
    else this.compact(lastIncludedIndex);
    this.#become(this.#entries, { index: lastIncludedIndex, term: lastIncludedTerm });
  }

  toArray(): GoEntry[] {
    return this.#entries.toArray();
  }

  #become(entries: GoSlice<GoEntry>, { index, term }: Pick<GoEntry, "index" | "term"> = entries.at(0)): void {
    // Writes the dummy where it stands: truncating to nothing and appending one element does not allocate.
    entries.slice(0, 0).append([{ index, term, command: null }]);
    this.#entries = entries;
  }
}
