import type { Entry, HardState, LogIndex, Restored, SnapshotMeta, Term, WriteBatch } from "@eraft/core";

/** What a modelled state machine saves: the text of every command up to the snapshot, the leader's no-ops as "". */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly commands: readonly string[];
}

type Operation =
  | { readonly type: "write"; readonly batch: WriteBatch }
  | { readonly type: "restore"; readonly snapshot: Snapshot };

/** A disk as the Storage port promises it: operations take effect in the order of the calls, each of them whole or not at all. */
export class Disk {
  hardState: HardState = { term: 0, votedFor: null };
  snapshot: Snapshot | null = null;
  entries: Entry[] = [];
  #pending: Operation[] = [];

  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  get snapshotIndex(): LogIndex {
    return this.snapshot?.meta.lastIncludedIndex ?? 0;
  }

  get lastIndex(): LogIndex {
    return this.snapshotIndex + this.entries.length;
  }

  /** The term of the durable entry at `index`; undefined below the snapshot and above the log. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.snapshotIndex) return this.snapshot?.meta.lastIncludedTerm ?? 0;
    return this.entries[index - this.snapshotIndex - 1]?.term;
  }

  /** The terms of the durable log, snapshot excluded: what the dissertation's figures show. */
  get terms(): Term[] {
    return this.entries.map(({ term }) => term);
  }

  restored(): Restored {
    return {
      hardState: this.hardState,
      snapshot: this.snapshot?.meta ?? null,
      entries: this.entries.map((entry) => ({ ...entry, command: entry.command.slice() })),
    };
  }

  begin(operation: Operation): void {
    this.#pending.push(operation);
  }

  /** The oldest operation under way takes effect. Returns it; null if there was none. */
  finish(): Operation | null {
    const operation = this.#pending.shift();
    if (operation === undefined) return null;
    if (operation.type === "write") this.#write(operation.batch);
    else this.install(operation.snapshot);
    return operation;
  }

  /** Of what was under way the first `survivors` operations took effect, and nobody was told. */
  crash(survivors: number): void {
    for (let count = 0; count < survivors; count += 1) this.finish();
    this.#pending = [];
  }

  /** The atomic point of a snapshot, InstallSnapshot rules 6 and 7: what follows it stays if the entry at its end is the same. */
  install(snapshot: Snapshot): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot.meta;
    if (lastIncludedIndex <= this.snapshotIndex)
      throw new Error("the snapshot is not newer than the stored one");
    const matches = this.termAt(lastIncludedIndex) === lastIncludedTerm;
    this.entries = matches ? this.entries.filter(({ index }) => index > lastIncludedIndex) : [];
    this.snapshot = snapshot;
  }

  #write({ hardState, truncateFrom, entries }: WriteBatch): void {
    if (truncateFrom !== null && truncateFrom <= this.snapshotIndex)
      throw new Error("truncates into the snapshot");
    if (hardState !== null) this.hardState = hardState;
    this.entries = this.entries.filter(({ index }) => truncateFrom === null || index < truncateFrom);
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1)
        throw new Error(`entry ${entry.index} written where ${this.lastIndex + 1} is next`);
      this.entries.push(entry);
    }
    if ((this.entries.at(-1)?.term ?? 0) > this.hardState.term)
      throw new Error("an entry above the stored term");
  }
}
