import type { Entry, HardState, LogIndex, SnapshotMeta, Term, WriteBatch } from "@eraft/core";
import { isUint53 } from "./bytes.ts";
import { configurationProblem } from "./configuration.ts";
import type { Checkpoint } from "./records.ts";

/** Entries from `firstIndex` on, up to the next run, have this term. */
interface TermRun {
  readonly firstIndex: LogIndex;
  readonly term: Term;
}

/** Entries from `firstIndex` on, up to the next run, stand in this segment. */
interface SegmentRun {
  readonly firstIndex: LogIndex;
  readonly segment: number;
}

/**
 * What the log consists of, without the commands. The writer asks it what may be written and which segments are still needed;
 * an open rebuilds it record by record, with the same methods, so both agree by construction.
 *
 * An outline that starts from the checkpoint of a later segment knows that earlier entries existed, not what they were. That
 * is right as long as a snapshot that comes later covers them; `missingFrom` tells if one of them is still needed.
 */
export class LogOutline {
  #hardState: HardState;
  #snapshot: SnapshotMeta | null;
  #lastIndex: LogIndex;
  /** Lowest index of which the entry has been seen. */
  #presentFrom: LogIndex;
  /** Lowest index of which the term is known; the checkpoint tells that of the last entry before it. */
  #termsFrom: LogIndex;
  readonly #terms: TermRun[] = [];
  readonly #places: SegmentRun[] = [];

  constructor(start: Checkpoint) {
    this.#hardState = start.hardState;
    this.#snapshot = start.snapshot;
    this.#lastIndex = start.lastLogIndex;
    this.#presentFrom = start.lastLogIndex + 1;
    this.#termsFrom = start.lastLogIndex;
    this.#terms.push({ firstIndex: start.lastLogIndex, term: start.lastLogTerm });
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): SnapshotMeta | null {
    return this.#snapshot;
  }

  get snapshotIndex(): LogIndex {
    return this.#snapshot?.lastIncludedIndex ?? 0;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  /** The lowest index that is needed but was in a segment that is not there; null when nothing is missing. */
  get missingFrom(): LogIndex | null {
    return this.#presentFrom > this.snapshotIndex + 1 ? this.snapshotIndex + 1 : null;
  }

  /** The oldest segment with an entry that is still needed; null when no entry is. */
  get oldestNeededSegment(): number | null {
    return this.#places[0]?.segment ?? null;
  }

  get checkpoint(): Checkpoint {
    return {
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      lastLogIndex: this.#lastIndex,
      lastLogTerm: this.termAt(this.#lastIndex) ?? 0,
    };
  }

  /** Whether `checkpoint` may describe this very state. */
  agreesWith(checkpoint: Checkpoint): boolean {
    const { hardState, snapshot, lastLogIndex } = this.checkpoint;
    const lastLogTerm = this.termAt(lastLogIndex);
    return (
      hardState.term === checkpoint.hardState.term &&
      hardState.votedFor === checkpoint.hardState.votedFor &&
      snapshot?.lastIncludedIndex === checkpoint.snapshot?.lastIncludedIndex &&
      snapshot?.lastIncludedTerm === checkpoint.snapshot?.lastIncludedTerm &&
      lastLogIndex === checkpoint.lastLogIndex &&
      // Unknown after a truncation into a segment that has been deleted since.
      (lastLogTerm === undefined || lastLogTerm === checkpoint.lastLogTerm)
    );
  }

  /** The term of the entry at `index`, or of the snapshot that ends there; undefined if there is no such entry or it is not known. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.snapshotIndex) return this.#snapshot?.lastIncludedTerm ?? 0;
    if (index > this.#lastIndex || index < this.#termsFrom) return undefined;
    return this.#terms.findLast((run) => run.firstIndex <= index)?.term;
  }

  /** Why `batch` cannot follow; null if it can. */
  problemOf(batch: WriteBatch): string | null {
    const { hardState, truncateFrom, entries } = batch;
    if (hardState !== null && !isUint53(hardState.term)) return `the term ${hardState.term} is not valid`;
    if (hardState !== null && hardState.votedFor !== null && !isUint53(hardState.votedFor)) {
      return `the vote ${hardState.votedFor} is not valid`;
    }
    if (truncateFrom !== null && (!isUint53(truncateFrom) || truncateFrom <= this.snapshotIndex)) {
      return `truncating from ${truncateFrom} is not possible: the log starts after ${this.snapshotIndex}`;
    }
    let index = Math.min(this.#lastIndex, (truncateFrom ?? Infinity) - 1);
    let term = this.termAt(index) ?? 0;
    for (const entry of entries) {
      index++;
      if (entry.index !== index) return `entry ${entry.index} comes where ${index} was due`;
      const problem = contentProblem(entry);
      if (problem !== null) return problem;
      if (entry.term < term) return `entry ${index} has term ${entry.term}, lower than ${term} before it`;
      term = entry.term;
    }
    return null;
  }

  /** Applies a batch of which `problemOf` is null and which stands in `segment`. */
  apply(batch: WriteBatch, segment: number): void {
    if (batch.hardState !== null) {
      this.#hardState = { term: batch.hardState.term, votedFor: batch.hardState.votedFor };
    }
    if (batch.truncateFrom !== null) this.#truncate(batch.truncateFrom);
    for (const { index, term } of batch.entries) {
      if (this.#terms.at(-1)?.term !== term) this.#terms.push({ firstIndex: index, term });
      if (this.#places.at(-1)?.segment !== segment) this.#places.push({ firstIndex: index, segment });
      this.#lastIndex = index;
    }
  }

  /** Whether the entries after `meta` stay (dissertation, 5.1); undefined if the entry that decides it is not known. */
  keepsSuffixAfter(meta: SnapshotMeta): boolean | undefined {
    if (meta.lastIncludedIndex > this.#lastIndex) return false;
    const term = this.termAt(meta.lastIncludedIndex);
    return term === undefined ? undefined : term === meta.lastIncludedTerm;
  }

  applySnapshot(meta: SnapshotMeta, kept: boolean): void {
    const { lastIncludedIndex, lastIncludedTerm } = meta;
    const first = lastIncludedIndex + 1;
    if (!kept) {
      this.#truncate(first);
      this.#lastIndex = lastIncludedIndex;
      this.#terms.length = 0;
      this.#places.length = 0;
      this.#termsFrom = first;
    }
    this.#snapshot = { lastIncludedIndex, lastIncludedTerm };
    this.#presentFrom = kept ? Math.max(this.#presentFrom, first) : first;
    dropBefore(this.#terms, first);
    dropBefore(this.#places, first);
    if (this.#lastIndex < first) this.#places.length = 0;
  }

  #truncate(from: LogIndex): void {
    if (from > this.#lastIndex) return;
    this.#lastIndex = from - 1;
    this.#presentFrom = Math.min(this.#presentFrom, from);
    this.#termsFrom = Math.min(this.#termsFrom, from);
    while ((this.#terms.at(-1)?.firstIndex ?? 0) >= from) this.#terms.pop();
    while ((this.#places.at(-1)?.firstIndex ?? 0) >= from) this.#places.pop();
  }
}

/** Why `entry` cannot be stored, whatever comes before it; null if it can. */
function contentProblem({ index, term, command, configuration }: Entry): string | null {
  if (!isUint53(term)) return `the term ${term} of entry ${index} is not valid`;
  if (!(command instanceof Uint8Array)) return `the command of entry ${index} is not bytes`;
  if (configuration === undefined) return null;
  if (command.length > 0) return `entry ${index} has a command beside its configuration`;
  const problem = configurationProblem(configuration);
  return problem === null ? null : `entry ${index}: ${problem}`;
}

/** Drops the runs that end before `index`. */
function dropBefore(runs: { readonly firstIndex: LogIndex }[], index: LogIndex): void {
  const keep = runs.findLastIndex((run) => run.firstIndex <= index);
  if (keep > 0) runs.splice(0, keep);
}
