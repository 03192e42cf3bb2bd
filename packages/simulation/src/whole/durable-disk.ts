import type {
  ConfigurationAt,
  Entry,
  HardState,
  LogIndex,
  Restored,
  SnapshotMeta,
  Term,
  WriteBatch,
} from "@eraft/core";
import type { Life } from "./life.ts";
import type { LevelImage } from "./simulated-level.ts";

export interface DurableSnapshot {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/** The disk of one server: what survives a crash, what is on its way there, and what is wrong with it. It outlives all processes. */
export class DurableDisk {
  /** Its number among all disks of the run. */
  readonly number: number;
  /** The cluster whose data it holds; null until its server has met one of the others. */
  clusterId: string | null;
  /** How often it has been opened. */
  starts = 0;
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: DurableSnapshot | null = null;
  #entries: Entry[] = [];
  /** What a state machine with a disk of its own has stored: all of it at once, state and index. */
  state: { readonly index: LogIndex; readonly bytes: Uint8Array } | null = null;
  /** What such a state machine has in a database. */
  level: LevelImage = new Map();
  /** Operations begun and not acknowledged. */
  readonly #pending = new Set<() => void>();
  /** The process that has it open. */
  holder: Life | null = null;
  /** After so many more operations, one fails; null for none. */
  failsAfter: number | null = null;
  isFull = false;
  /** A snapshot is being written next to the stored one. */
  isStaging = false;
  /** A bit has flipped in what it holds. */
  isDamaged = false;
  isSlow = false;
  hangsUntil = 0;

  constructor(number: number, clusterId: string | null) {
    this.number = number;
    this.clusterId = clusterId;
  }

  /** What its server tells others of it. */
  get name(): string {
    return `disk ${this.number}`;
  }

  /** The configurations that it holds, in order. */
  get configurations(): readonly ConfigurationAt[] {
    const found = [];
    const { meta } = this.#snapshot ?? { meta: null };
    if (meta?.configuration !== undefined) {
      found.push({ index: meta.lastIncludedIndex, configuration: meta.configuration });
    }
    for (const { index, configuration } of this.#entries) {
      if (configuration !== undefined) found.push({ index, configuration });
    }
    return found;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): DurableSnapshot | null {
    return this.#snapshot;
  }

  get snapshotIndex(): LogIndex {
    return this.#snapshot?.meta.lastIncludedIndex ?? 0;
  }

  get lastIndex(): LogIndex {
    return this.snapshotIndex + this.#entries.length;
  }

  get sizeBytes(): number {
    const log = this.#entries.reduce((bytes, { command }) => bytes + command.length, 0);
    return log + (this.#snapshot?.bytes.length ?? 0);
  }

  /** 0 where nothing is known. */
  termAt(index: LogIndex): Term {
    if (index === this.snapshotIndex) return this.#snapshot?.meta.lastIncludedTerm ?? 0;
    return this.#entries[index - this.snapshotIndex - 1]?.term ?? 0;
  }

  restored(): Restored {
    return {
      hardState: { ...this.#hardState },
      snapshot: this.#snapshot && { ...this.#snapshot.meta },
      entries: [...this.#entries],
    };
  }

  /** Calls `onEntry` for each entry with the term of the one before it. @throws if the batch does not fit the log */
  write(batch: WriteBatch, onEntry: (entry: Entry, prevTerm: Term) => void): void {
    const { hardState, truncateFrom, entries } = batch;
    if (hardState !== null) this.#hardState = { ...hardState };
    if (truncateFrom !== null) {
      if (truncateFrom <= this.snapshotIndex) {
        throw new Error(`entry ${truncateFrom} is in the snapshot and cannot be dropped`);
      }
      this.#entries.length = Math.min(this.#entries.length, truncateFrom - this.snapshotIndex - 1);
    }
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1) {
        throw new Error(`entry ${entry.index} is written after entry ${this.lastIndex}`);
      }
      onEntry(entry, this.termAt(entry.index - 1));
      this.#entries.push({ ...entry, command: new Uint8Array(entry.command) });
    }
  }

  install(snapshot: DurableSnapshot): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot.meta;
    if (lastIncludedIndex <= this.snapshotIndex) {
      throw new Error(`a snapshot of ${lastIncludedIndex} is not newer than that of ${this.snapshotIndex}`);
    }
    const agrees = lastIncludedIndex <= this.lastIndex && this.termAt(lastIncludedIndex) === lastIncludedTerm;
    this.#entries = agrees ? this.#entries.slice(lastIncludedIndex - this.snapshotIndex) : [];
    this.#snapshot = snapshot;
  }

  /** Something is on its way to the platter. To be called with `ended` when it is there, or failed. */
  begin(operation: () => void): { ended: () => void } {
    this.#pending.add(operation);
    return { ended: () => this.#pending.delete(operation) };
  }

  /** What was on its way is there, or is not; nothing is torn, which is the storage's promise. Returns how many of each. */
  losePower(keeps: () => boolean): { readonly kept: number; readonly lost: number } {
    let kept = 0;
    const all = this.#pending.size;
    for (const operation of this.#pending) {
      if (!keeps()) continue;
      operation();
      kept += 1;
    }
    this.#pending.clear();
    this.isStaging = false;
    this.holder = null;
    return { kept, lost: all - kept };
  }
}
