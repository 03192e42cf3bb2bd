import type { Entry, LogIndex, SnapshotMeta, Term, WriteBatch } from "@eraft/core";
import { Disk } from "./disk.ts";

/** The log as simply as can be said: a list of terms from index 1 on, of which the first `base` are gone, and a real (modelled) disk. */
export class LogModel {
  readonly disk: Disk = new Disk();
  /** The term at each index from 1 on; null where a snapshot hides it. */
  #terms: (Term | null)[] = [];
  base: LogIndex = 0;
  baseTerm: Term = 0;
  snapshot: SnapshotMeta = { lastIncludedIndex: 0, lastIncludedTerm: 0 };
  /** Up to here the state machine may have got entries, so this much can be put into a snapshot. */
  committed: LogIndex = 0;

  get lastIndex(): LogIndex {
    return this.#terms.length;
  }

  get lastTerm(): Term {
    return this.termAt(this.lastIndex) ?? 0;
  }

  termAt(index: LogIndex): Term | undefined {
    if (index === this.base) return this.baseTerm;
    if (index < this.base) return undefined;
    return this.#terms[index - 1] ?? undefined;
  }

  append({ term }: Entry): void {
    this.#terms.push(term);
  }

  truncate(first: LogIndex): void {
    this.#terms.length = first - 1;
  }

  /** Where this log and the disk agree from the beginning on. */
  get agreesWithDisk(): LogIndex {
    let index = this.snapshot.lastIncludedIndex;
    while (
      index < Math.min(this.lastIndex, this.disk.lastIndex) &&
      this.disk.termAt(index + 1) === this.termAt(index + 1)
    )
      index += 1;
    return index;
  }

  compact(snapshot: SnapshotMeta, base: LogIndex): void {
    this.baseTerm = this.termAt(base) ?? 0;
    this.base = base;
    this.snapshot = snapshot;
    this.disk.install({ meta: snapshot, commands: [] });
  }

  install(snapshot: SnapshotMeta): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot;
    const kept =
      this.termAt(lastIncludedIndex) === lastIncludedTerm ? this.#terms.slice(lastIncludedIndex) : [];
    const hidden = Array.from({ length: lastIncludedIndex }, () => null);
    this.#terms = [...hidden, ...kept];
    this.base = lastIncludedIndex;
    this.baseTerm = lastIncludedTerm;
    this.snapshot = snapshot;
    this.committed = lastIncludedIndex;
  }

  write(batch: Omit<WriteBatch, "hardState">): void {
    // The stored term never matters to the log; a high one lets every entry pass the disk's own check.
    this.disk.begin({ type: "write", batch: { hardState: { term: 1_000_000, votedFor: null }, ...batch } });
  }
}
