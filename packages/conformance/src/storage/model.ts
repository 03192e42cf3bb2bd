import type { Entry, HardState, Restored, SnapshotMeta, WriteBatch } from "@eraft/core";

/** All that a storage holds, the bytes of its snapshot included. */
export interface Contents extends Restored {
  /** Empty when there is no snapshot. */
  readonly snapshotBytes: Uint8Array;
}

/** The port's contract in its simplest form: what a storage must hold after each step. */
export class Model {
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: SnapshotMeta | null = null;
  #snapshotBytes: Uint8Array = new Uint8Array(0);
  #entries: readonly Entry[] = [];

  /** Figure 3.1's persistent state, replaced in the order that `WriteBatch` gives. */
  write({ hardState, truncateFrom, entries }: WriteBatch): void {
    if (hardState !== null) this.#hardState = hardState;
    const kept =
      truncateFrom === null ? this.#entries : this.#entries.filter((entry) => entry.index < truncateFrom);
    this.#entries = [...kept, ...entries];
  }

  /** Dissertation, 5.1, InstallSnapshot rules 6 and 7. */
  commit(meta: SnapshotMeta, bytes: Uint8Array): void {
    const { lastIncludedIndex, lastIncludedTerm } = meta;
    const covered = this.#entries.find((entry) => entry.index === lastIncludedIndex);
    const keeps = covered?.term === lastIncludedTerm;
    this.#entries = keeps ? this.#entries.filter((entry) => entry.index > lastIncludedIndex) : [];
    this.#snapshot = meta;
    this.#snapshotBytes = bytes;
  }

  contents(): Contents {
    return {
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      snapshotBytes: this.#snapshotBytes,
      entries: this.#entries,
    };
  }
}
