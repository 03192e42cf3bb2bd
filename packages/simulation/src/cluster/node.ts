import {
  type Entry,
  type Input,
  type InstallSnapshot,
  type NodeId,
  Raft,
  type RaftConfig,
  type RaftState,
  type Ready,
  type SnapshotMeta,
  type SnapshotRequest,
} from "@eraft/core";
import { Connections } from "./connections.ts";
import { Disk, type Snapshot } from "./disk.ts";
import { apply, EMPTY_MACHINE, type MachineState } from "./machine.ts";

export interface NodeOptions {
  /** As for a server of the first hour; without `peers` for one that joins later. */
  readonly config: RaftConfig;
  /** Whether servers tell each other for which disk they speak. */
  readonly identifies: boolean;
  /** How much faster than the others this server's clock runs. */
  readonly clockRate: number;
}

/** Gives out disks, each with another name and number. */
export type DiskShop = (node: NodeId) => Disk;

/** A server of a simulated cluster: the real core, a modelled disk and state machine. What the core asks for is done when an action says so. */
export class Node {
  readonly id: NodeId;
  readonly clockRate: number;
  readonly connections: Connections = new Connections();
  readonly #config: RaftConfig;
  readonly #identifies: boolean;
  readonly #buyDisk: DiskShop;
  /** The last one is in use, the others are lost: nobody will ever read them again, but for whoever wants to know what they had confirmed. */
  readonly #disks: Disk[];
  #raft: Raft | null = null;
  #state: RaftState | null = null;
  #machine: MachineState = EMPTY_MACHINE;
  #applying: readonly Entry[] = [];
  #staged: { header: InstallSnapshot; snapshot: Snapshot } | null = null;
  /** A snapshot that waits for the disk and the state machine to become idle, and one that is being stored. */
  #toRestore: Snapshot | null = null;
  #restoring: Snapshot | null = null;
  /** Counts the starts of this server: what a former life sent or was promised is nobody's now. */
  life = 0;

  constructor({ config, identifies, clockRate }: NodeOptions, buyDisk: DiskShop) {
    this.id = config.id;
    this.clockRate = clockRate;
    this.#config = config;
    this.#identifies = identifies;
    this.#buyDisk = buyDisk;
    this.#disks = [buyDisk(config.id)];
  }

  get isUp(): boolean {
    return this.#raft !== null;
  }

  /** Whether it belongs to the servers that the cluster begins with. */
  get isFounder(): boolean {
    return this.#config.peers.length > 0;
  }

  get disk(): Disk {
    return this.#disks.at(-1) as Disk;
  }

  /** Its disks, the lost ones included. */
  get disks(): readonly Disk[] {
    return this.#disks;
  }

  /** The disk of that name, lost ones included, or the present one; undefined if it never had one of that name. */
  diskNamed(name: string | null): Disk | undefined {
    return name === null ? this.disk : this.#disks.find((disk) => disk.name === name);
  }

  get hasLostDisk(): boolean {
    return this.#disks.length > 1;
  }

  /** What it tells others of its disk. */
  get incarnation(): string | null {
    return this.#identifies ? this.disk.name : null;
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

  /** What its core knew after the last step. */
  get state(): RaftState {
    if (this.#state === null) throw new Error(`server ${this.id} is down`);
    return this.#state;
  }

  start(): void {
    const restored = this.disk.restored();
    this.#machine = this.disk.snapshot?.state ?? EMPTY_MACHINE;
    this.connections.clear();
    this.life += 1;
    const config = {
      ...this.#config,
      // Who has lost what the cluster decided is no founder any more: with the same list it might found the cluster a second time.
      peers: this.hasLostDisk ? [] : this.#config.peers,
      incarnation: this.incarnation,
      // Every life of every server draws timeouts of its own. Two that share a seed split every vote for ever.
      seed: this.#config.seed * 2 ** 16 + this.life,
    };
    this.#raft = new Raft(config, restored, this.#machine.index);
    this.#state = this.#raft.inspect();
  }

  crash(keepsWrite: boolean): void {
    this.#raft = null;
    this.#state = null;
    this.#applying = [];
    this.#staged = null;
    this.#toRestore = null;
    this.#restoring = null;
    this.disk.crash(keepsWrite);
  }

  wipe(): void {
    this.#disks.push(this.#buyDisk(this.id));
  }

  /** Steps the core at the time `at` and begins what it asks for. */
  step(input: Input, at: number): Ready | null {
    const raft = this.#raft;
    if (raft === null) return null;
    if (this.#config.leaseDuration !== null && this.#config.leaseDuration !== undefined) {
      raft.step({ type: "time", now: at * this.clockRate });
    }
    raft.step(input);
    const ready = raft.ready();
    this.#state = raft.inspect();
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
  receiveSnapshot(header: InstallSnapshot, snapshot: Snapshot, at: number): Ready | null {
    if (this.#raft?.wantsSnapshot(header) === true) this.#staged = { header, snapshot };
    return this.step({ type: "receive", message: header }, at);
  }

  /** The disk operation under way ends. */
  finishDisk(at: number): Ready | null {
    this.disk.finish();
    const restored = this.#restoring;
    this.#restoring = null;
    if (restored === null) {
      this.#beginRestore();
      return this.step({ type: "written" }, at);
    }
    this.#machine = restored.state;
    return this.step({ type: "restored" }, at);
  }

  finishApply(at: number): Ready | null {
    this.#machine = apply(this.#machine, this.#applying);
    this.#applying = [];
    this.#beginRestore();
    return this.step({ type: "applied", index: this.#machine.index }, at);
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
  compact(at: number): Ready | null {
    const { index, term } = this.#machine;
    const raft = this.#raft;
    if (!this.canCompact || raft === null) return null;
    const configuration = raft.configurationAt(index);
    const meta: SnapshotMeta = {
      lastIncludedIndex: index,
      lastIncludedTerm: term,
      ...(configuration === null ? {} : { configuration }),
    };
    this.disk.commitSnapshot({ meta, state: this.#machine });
    return this.step({ type: "compacted", snapshot: meta }, at);
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
