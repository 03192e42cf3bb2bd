import {
  type Entry,
  type Input,
  type InstallSnapshot,
  type NodeId,
  Raft,
  type RaftConfig,
  type RaftState,
  type Ready,
  type SnapshotRequest,
} from "@eraft/core";
import { Disk, type Snapshot } from "./disk.ts";
import { apply, EMPTY_MACHINE, type MachineState } from "./machine.ts";

/** A server of a simulated cluster: the real core, a modelled disk and state machine. What the core asks for is done when an action says so. */
export class Node {
  readonly id: NodeId;
  readonly disk: Disk = new Disk();
  readonly #config: RaftConfig;
  #raft: Raft | null = null;
  #machine: MachineState = EMPTY_MACHINE;
  #applying: readonly Entry[] = [];
  #staged: { header: InstallSnapshot; snapshot: Snapshot } | null = null;
  /** A snapshot that waits for the disk and the state machine to become idle, and one that is being stored. */
  #toRestore: Snapshot | null = null;
  #restoring: Snapshot | null = null;
  /** Counts the starts of this server: what a former life sent or was promised is nobody's now. */
  incarnation = 0;

  constructor(config: RaftConfig) {
    this.id = config.id;
    this.#config = config;
  }

  get isUp(): boolean {
    return this.#raft !== null;
  }

  get machine(): MachineState {
    return this.#machine;
  }

  get applying(): readonly Entry[] {
    return this.#applying;
  }

  get compactableBytes(): number {
    return this.#raft?.compactableBytes ?? 0;
  }

  inspect(): RaftState {
    if (this.#raft === null) throw new Error(`server ${this.id} is down`);
    return this.#raft.inspect();
  }

  start(): void {
    const restored = this.disk.restored();
    this.#machine = this.disk.snapshot?.state ?? EMPTY_MACHINE;
    this.incarnation += 1;
    // Every life of every server draws timeouts of its own. Two that share a seed split every vote for ever.
    const seed = this.#config.seed * 2 ** 16 + this.incarnation;
    this.#raft = new Raft({ ...this.#config, seed }, restored, this.#machine.index);
  }

  crash(keepsWrite: boolean): void {
    this.#raft = null;
    this.#applying = [];
    this.#staged = null;
    this.#toRestore = null;
    this.#restoring = null;
    this.disk.crash(keepsWrite);
  }

  /** Steps the core and begins what it asks for. */
  step(input: Input): Ready | null {
    const raft = this.#raft;
    if (raft === null) return null;
    raft.step(input);
    const ready = raft.ready();
    const staged = this.#staged;
    this.#staged = null;
    if (ready === null) return null;
    const { restore, write, committed } = ready;
    if (write !== null) this.disk.begin(write);
    if (committed.length > 0) this.#applying = committed;
    if (restore !== null) {
      if (staged?.header !== restore) throw new Error("a restore of a snapshot that was not staged");
      this.#toRestore = staged.snapshot;
      this.#beginRestore();
    }
    return ready;
  }

  /** Takes a snapshot that came over the network. */
  receiveSnapshot(header: InstallSnapshot, snapshot: Snapshot): Ready | null {
    if (this.#raft?.wantsSnapshot(header) === true) this.#staged = { header, snapshot };
    return this.step({ type: "receive", message: header });
  }

  /** The disk operation under way ends. */
  finishDisk(): Ready | null {
    this.disk.finish();
    const restored = this.#restoring;
    this.#restoring = null;
    if (restored === null) {
      this.#beginRestore();
      return this.step({ type: "written" });
    }
    this.#machine = restored.state;
    return this.step({ type: "restored" });
  }

  finishApply(): Ready | null {
    this.#machine = apply(this.#machine, this.#applying);
    this.#applying = [];
    this.#beginRestore();
    return this.step({ type: "applied", index: this.#machine.index });
  }

  /** The write and the apply under way end before a snapshot replaces what they work on. */
  #beginRestore(): void {
    if (this.#toRestore === null || this.disk.isBusy || this.#applying.length > 0) return;
    this.#restoring = this.#toRestore;
    this.#toRestore = null;
    this.disk.beginRestore(this.#restoring);
  }

  /** Whether a snapshot taken now would be newer than the stored one, and nothing is in its way. */
  get canCompact(): boolean {
    const idle = this.#restoring === null && this.#toRestore === null;
    return idle && this.#machine.index > this.disk.snapshotIndex;
  }

  /** Stores a snapshot of the state machine as it is; null if there is nothing new to store. */
  compact(): Ready | null {
    const { index, term } = this.#machine;
    if (!this.canCompact) return null;
    const meta = { lastIncludedIndex: index, lastIncludedTerm: term };
    this.disk.commitSnapshot({ meta, state: this.#machine });
    return this.step({ type: "compacted", snapshot: meta });
  }

  /** The message that carries this server's snapshot; null if it has none. */
  snapshotMessage({
    to,
    term,
    sequence,
  }: SnapshotRequest): { header: InstallSnapshot; snapshot: Snapshot } | null {
    const { snapshot } = this.disk;
    if (snapshot === null) return null;
    return {
      header: { type: "installSnapshot", from: this.id, to, term, sequence, ...snapshot.meta },
      snapshot,
    };
  }
}
