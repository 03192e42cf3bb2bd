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
import type { MachineState } from "./machine.ts";

/** A snapshot as a disk holds it and the network carries it. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly state: MachineState;
}

type Operation =
  | { readonly type: "write"; readonly batch: WriteBatch }
  | { readonly type: "restore"; readonly snapshot: Snapshot };

/**
 * The disk of one simulated server: what would survive a crash right now, and the one operation that is under way. The promises are those of
 * the `Storage` port; how files keep them is proved with the storage itself.
 */
export class Disk {
  /** Its name among all disks of the run: the incarnation that a server gives itself on it. */
  readonly name: string;
  /** Its number among all disks of the run. */
  readonly number: number;
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: Snapshot | null = null;
  #entries: Entry[] = [];
  #operation: Operation | null = null;

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get snapshotIndex(): LogIndex {
    return this.#snapshot?.meta.lastIncludedIndex ?? 0;
  }

  get lastIndex(): LogIndex {
    return this.snapshotIndex + this.#entries.length;
  }

  get isBusy(): boolean {
    return this.#operation !== null;
  }

  /** The term of the durable entry at `index`; undefined above the log's end and below the snapshot. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.snapshotIndex) return this.#snapshot?.meta.lastIncludedTerm ?? 0;
    return this.#entries[index - this.snapshotIndex - 1]?.term;
  }

  /** The configuration that a server would start with from here; null if nothing here says. */
  get configuration(): ConfigurationAt | null {
    return this.configurations.at(-1) ?? null;
  }

  /** All that the snapshot and the entries say. */
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

  restored(): Restored {
    const { meta } = this.#snapshot ?? { meta: null };
    return { hardState: this.#hardState, snapshot: meta, entries: [...this.#entries] };
  }

  begin(batch: WriteBatch): void {
    this.#start({ type: "write", batch });
  }

  beginRestore(snapshot: Snapshot): void {
    this.#start({ type: "restore", snapshot });
  }

  /** The operation under way becomes durable. */
  finish(): void {
    const operation = this.#operation;
    if (operation === null) throw new Error("no operation is under way");
    this.#operation = null;
    if (operation.type === "restore") this.commitSnapshot(operation.snapshot);
    else this.#write(operation.batch);
  }

  /** Power is lost: the operation under way has either reached the disk or not; it is never torn, which is the storage's promise. */
  crash(keepsOperation: boolean): void {
    if (keepsOperation && this.#operation !== null) this.finish();
    this.#operation = null;
  }

  commitSnapshot(snapshot: Snapshot): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot.meta;
    if (lastIncludedIndex <= this.snapshotIndex) return;
    const agrees = this.termAt(lastIncludedIndex) === lastIncludedTerm;
    this.#entries = agrees ? this.#entries.slice(lastIncludedIndex - this.snapshotIndex) : [];
    this.#snapshot = snapshot;
  }

  #start(operation: Operation): void {
    if (this.#operation !== null) throw new Error("two storage operations at a time");
    this.#operation = operation;
  }

  #write({ hardState, truncateFrom, entries }: WriteBatch): void {
    if (hardState !== null) this.#hardState = hardState;
    if (truncateFrom !== null) {
      if (truncateFrom <= this.snapshotIndex)
        throw new Error(`entry ${truncateFrom} is in the snapshot and cannot be dropped`);
      this.#entries.length = Math.min(this.#entries.length, truncateFrom - this.snapshotIndex - 1);
    }
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1)
        throw new Error(`entry ${entry.index} written after entry ${this.lastIndex}`);
      this.#entries.push(entry);
    }
  }
}
