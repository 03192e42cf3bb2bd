import { invariant } from "./assert.ts";
import { type ConfigurationAt, Configurations } from "./configurations.ts";
import { EntryList } from "./entry-list.ts";
import { entryBytes } from "./entry-size.ts";
import type { Configuration, Entry, LogIndex, Restored, SnapshotMeta, Term } from "./types.ts";

/** How much of the log stays in memory below a snapshot; see RaftConfig. */
export interface Retention {
  readonly retainedBytes: number;
  readonly maxRetainedBytes: number;
}

/**
 * The log since (a little before) the last snapshot, and how much of it is on disk.
 *
 *     snapshot.lastIncludedIndex
 *        v
 *     ---+--------------+---------------+-----------+
 *      ^ base           ^ stable        ^ handed out ^ last
 *
 * Entries up to `base` are gone, those up to `stableIndex` are durable, those after it up to `handed out` are in the write under way.
 * The entry at `base` is not there any more, but its term is: it is where the consistency check of AppendEntries may still match.
 */
export class Log {
  readonly #entriesInBlock: number;
  #entries: EntryList;
  #baseIndex: LogIndex = 0;
  #baseTerm: Term = 0;
  #bytes = 0;
  #snapshot: SnapshotMeta;
  #stableIndex: LogIndex;
  #handedOut: LogIndex;
  #truncateFrom: LogIndex | null = null;
  readonly #initial: ConfigurationAt;
  readonly #configurations: Configurations;

  /**
   * @param initial the configuration of a log that says nothing about it
   * @param entriesInBlock see RaftConfig
   */
  constructor({ snapshot, entries }: Restored, initial: Configuration, entriesInBlock: number) {
    this.#entriesInBlock = entriesInBlock;
    this.#entries = new EntryList(entriesInBlock);
    this.#initial = { index: 0, configuration: initial };
    this.#configurations = new Configurations(this.#baseOf(snapshot));
    this.#snapshot = snapshot ?? { lastIncludedIndex: 0, lastIncludedTerm: 0 };
    this.#baseIndex = this.#snapshot.lastIncludedIndex;
    this.#baseTerm = this.#snapshot.lastIncludedTerm;
    for (const entry of entries) this.append(entry);
    this.#stableIndex = this.lastIndex;
    this.#handedOut = this.lastIndex;
  }

  get baseIndex(): LogIndex {
    return this.#baseIndex;
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length;
  }

  get lastTerm(): Term {
    return this.#entries.lastTerm ?? this.#baseTerm;
  }

  get snapshot(): SnapshotMeta {
    return this.#snapshot;
  }

  /** The latest configuration in the log, committed or not: the one in force (4.1). */
  get configuration(): ConfigurationAt {
    return this.#configurations.current;
  }

  /** Of the configurations in the log, the one of `index` and those after it. */
  configurationsFrom(index: LogIndex): readonly ConfigurationAt[] {
    return this.#configurations.from(index);
  }

  /** The configuration that the entries up to `index` give, for a snapshot of them. Null if none of them says. */
  configurationAt(index: LogIndex): Configuration | null {
    const found = this.#configurations.at(index);
    return found === this.#initial ? null : found.configuration;
  }

  /** Everything up to here is durable. */
  get stableIndex(): LogIndex {
    return this.#stableIndex;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The term of the entry at `index`; undefined where this log has none or no longer knows it. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.#baseIndex ? this.#baseTerm : this.#entries.termAt(index - this.#baseIndex - 1);
  }

  /** The term of an entry that must be known. */
  knownTermAt(index: LogIndex): Term {
    const term = this.termAt(index);
    invariant(term !== undefined, `the log no longer knows, or does not have, entry ${index}`);
    return term;
  }

  /** The entries from `first` to `last`, both included. */
  slice(first: LogIndex, last: LogIndex): Entry[] {
    invariant(
      first > this.#baseIndex && last <= this.lastIndex,
      `entries ${first}..${last} are not in the log`,
    );
    return this.#entries.slice(first - this.#baseIndex - 1, last - this.#baseIndex);
  }

  /** The entries from `first` on that fit into `maxBytes`: at least one, unless the log ends before `first`. */
  batch(first: LogIndex, maxBytes: number): Entry[] {
    const entries = this.#entries;
    const from = first - this.#baseIndex - 1;
    let bytes = 0;
    let end = from;
    for (; end < entries.length; end += 1) {
      bytes += entries.bytesBetween(end, end + 1);
      if (bytes > maxBytes && end > from) break;
    }
    return end <= from ? [] : this.slice(first, first + end - from - 1);
  }

  /** Bytes of the entries from `first` to `last`, both included, as far as they are in memory. */
  bytesBetween(first: LogIndex, last: LogIndex): number {
    const end = Math.min(last - this.#baseIndex, this.#entries.length);
    return this.#entries.bytesBetween(Math.max(first - this.#baseIndex - 1, 0), end);
  }

  /** The first index of the run of equal terms that `index` lies in, as far back as the snapshot lets us see. */
  firstIndexOfTermAt(index: LogIndex): LogIndex {
    const term = this.termAt(index);
    let first = index;
    while (first - 1 > this.#baseIndex && this.termAt(first - 1) === term) first -= 1;
    return first;
  }

  /** The highest index up to `upTo` whose entry is of `term`, null if there is none. */
  lastIndexOfTerm(term: Term, upTo: LogIndex): LogIndex | null {
    for (let index = Math.min(upTo, this.lastIndex); index >= this.#baseIndex; index -= 1) {
      const found = this.knownTermAt(index);
      if (found === term) return index;
      // Terms never decrease along a log, so none further down can be equal.
      if (found < term) return null;
    }
    return null;
  }

  append(entry: Entry): void {
    const { lastIndex, lastTerm } = this;
    // Asked first: the words are only put together when they are needed, and here that is once for every entry.
    if (entry.index !== lastIndex + 1 || entry.term < lastTerm) {
      invariant(entry.index === lastIndex + 1, `entry ${entry.index} does not follow entry ${lastIndex}`);
      invariant(entry.term >= lastTerm, `entry ${entry.index}: term ${entry.term} after ${lastTerm}`);
    }
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
    this.#configurations.append(entry);
  }

  /** The entries up to `index` are applied, and mostly need no attention any more: they may take less memory. */
  pack(index: LogIndex): void {
    this.#entries.pack(index - this.#baseIndex);
  }

  /** Drops the entries from `first` on: they conflict with the leader's (dissertation, 3.5). */
  truncate(first: LogIndex): void {
    invariant(
      first > this.#snapshot.lastIncludedIndex,
      `entry ${first} is covered by the snapshot and cannot conflict`,
    );
    this.#bytes -= this.bytesBetween(first, this.lastIndex);
    this.#entries.truncate(first - this.#baseIndex - 1);
    this.#configurations.truncate(first);
    if (first <= this.#handedOut) {
      this.#truncateFrom = Math.min(first, this.#truncateFrom ?? first);
      this.#handedOut = first - 1;
    }
    // Also when the write that holds these entries is still under way: its completion must not vouch for what
    // will stand at their indexes next.
    this.#stableIndex = Math.min(this.#stableIndex, first - 1);
  }

  get hasUnwritten(): boolean {
    return this.#truncateFrom !== null || this.#handedOut < this.lastIndex;
  }

  /** Hands out what the storage has not seen yet. */
  takeUnwritten(): { truncateFrom: LogIndex | null; entries: Entry[] } {
    const entries = this.#handedOut < this.lastIndex ? this.slice(this.#handedOut + 1, this.lastIndex) : [];
    const unwritten = { truncateFrom: this.#truncateFrom, entries };
    this.#truncateFrom = null;
    this.#handedOut = this.lastIndex;
    return unwritten;
  }

  /** All that was handed out is durable. What has been truncated since lowered `handedOut`, so it is not counted. */
  written(): void {
    this.#stableIndex = Math.max(this.#stableIndex, this.#handedOut);
  }

  /**
   * The server's own snapshot is stored: forgets the entries it stands for, but for the last `retainedBytes` of them, and those after `neededAfter` as
   * far as `maxRetainedBytes` allow.
   */
  compact(
    snapshot: SnapshotMeta,
    { retainedBytes, maxRetainedBytes, neededAfter }: Retention & { readonly neededAfter: LogIndex },
  ): void {
    invariant(
      this.termAt(snapshot.lastIncludedIndex) === snapshot.lastIncludedTerm,
      `snapshot at ${snapshot.lastIncludedIndex} has term ${snapshot.lastIncludedTerm}, the log another`,
    );
    this.#snapshot = snapshot;
    const { lastIncludedIndex } = snapshot;
    this.#configurations.compact(lastIncludedIndex);
    let bytes = this.bytesBetween(this.#baseIndex + 1, lastIncludedIndex);
    let base = this.#baseIndex;
    while (base < lastIncludedIndex) {
      const limit = base >= neededAfter ? Math.max(retainedBytes, maxRetainedBytes) : retainedBytes;
      if (bytes <= limit) break;
      bytes -= this.bytesBetween(base + 1, base + 1);
      base += 1;
    }
    this.#rebase(base);
  }

  /**
   * The leader's snapshot replaces this log, but for the entries after it if this log agrees with it (dissertation, Figure 5.3, rules 6 and 7).
   * Without comparing the terms a stale suffix would survive behind a newer snapshot, and terms would decrease along the log.
   */
  install(snapshot: SnapshotMeta): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot;
    this.#snapshot = snapshot;
    const isPrefix = this.termAt(lastIncludedIndex) === lastIncludedTerm;
    this.#configurations.install(this.#baseOf(snapshot), lastIncludedIndex, isPrefix);
    if (isPrefix) {
      this.#rebase(lastIncludedIndex);
    } else {
      this.#entries = new EntryList(this.#entriesInBlock);
      this.#bytes = 0;
      this.#baseIndex = lastIncludedIndex;
      this.#baseTerm = lastIncludedTerm;
      this.#handedOut = lastIncludedIndex;
      this.#stableIndex = lastIncludedIndex;
    }
    this.#handedOut = Math.max(this.#handedOut, lastIncludedIndex);
    this.#stableIndex = Math.max(this.#stableIndex, lastIncludedIndex);
    // The storage applies the same rule to its own copy, which may still hold what was truncated here since: leader A replaced entry 7
    // and this is not on disk yet, then B's snapshot says that the old entry 7 was right. The storage keeps what follows it, we do not.
    if (this.#truncateFrom !== null) this.#truncateFrom = this.#handedOut + 1;
  }

  #baseOf(snapshot: SnapshotMeta | null): ConfigurationAt {
    if (snapshot?.configuration === undefined) return this.#initial;
    return { index: snapshot.lastIncludedIndex, configuration: snapshot.configuration };
  }

  #rebase(base: LogIndex): void {
    const term = this.knownTermAt(base);
    this.#bytes -= this.bytesBetween(this.#baseIndex + 1, base);
    this.#entries.dropFirst(base - this.#baseIndex);
    this.#baseIndex = base;
    this.#baseTerm = term;
  }
}
