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
} from "@eraft/core";
import { Disk, type Snapshot } from "./disk.ts";
import type { Parcel } from "./network.ts";
import { textOf } from "./text.ts";

/** After this long without an answer the sender of a snapshot gives up. */
const TRANSFER_TIMEOUT_TICKS = 20;

interface Transfer {
  readonly to: NodeId;
  readonly meta: SnapshotMeta;
  ticks: number;
}

/** Sees every step of every server: the invariants, and the network that takes what a step sends. */
export interface Observer {
  stepped(node: Node, ready: Ready | null): void;
  send(parcel: Parcel): void;
}

/** One server: the core under test with a modelled disk and a modelled state machine, the list of commands applied. */
export class Node {
  readonly id: NodeId;
  readonly disk: Disk = new Disk();
  /** Text of the command at each index from 1 on. */
  applied: string[] = [];
  /** Counts the starts of this server. */
  life = 0;
  readonly #config: RaftConfig;
  readonly #observer: Observer;
  #raft: Raft | null = null;
  #applying: readonly Entry[] = [];
  #staged: Snapshot | null = null;
  readonly #transfers = new Map<number, Transfer>();

  constructor(config: RaftConfig, observer: Observer) {
    this.id = config.id;
    this.#config = config;
    this.#observer = observer;
  }

  get isUp(): boolean {
    return this.#raft !== null;
  }

  get isApplying(): boolean {
    return this.#applying.length > 0;
  }

  get state(): RaftState {
    if (this.#raft === null) throw new Error(`server ${this.id} is down`);
    return this.#raft.inspect();
  }

  start(): void {
    this.life += 1;
    this.applied = [...(this.disk.snapshot?.commands ?? [])];
    // With the seed of its last life a server would draw the same timeouts again.
    const config = { ...this.#config, seed: this.#config.seed + 1000 * (this.life - 1) };
    this.#raft = new Raft(config, this.disk.restored(), this.applied.length);
    this.#drain();
  }

  /** Everything not durable is gone. Of the disk operations under way the first `survivors` still took effect. */
  crash(survivors = 0): void {
    this.#raft = null;
    this.#applying = [];
    this.#staged = null;
    this.#transfers.clear();
    this.disk.crash(survivors);
  }

  step(input: Input): void {
    if (this.#raft === null) return;
    this.#raft.step(input);
    this.#drain();
  }

  tick(): void {
    this.step({ type: "tick" });
    for (const [sequence, transfer] of this.#transfers) {
      transfer.ticks += 1;
      if (transfer.ticks >= TRANSFER_TIMEOUT_TICKS) this.#endTransfer(sequence, null);
    }
  }

  receive({ message, snapshot }: Parcel): void {
    if (this.#raft === null) return;
    if (message.type === "installSnapshot")
      this.#staged = this.#raft.wantsSnapshot(message) ? snapshot : null;
    this.step({ type: "receive", message });
    if (message.type !== "installSnapshotResponse") return;
    const transfer = this.#transfers.get(message.sequence);
    if (transfer?.to === message.from) this.#endTransfer(message.sequence, transfer.meta);
  }

  /** The oldest disk operation ends. */
  finishDisk(): void {
    const operation = this.disk.finish();
    if (operation?.type === "write") this.step({ type: "written" });
    if (operation?.type !== "restore") return;
    // A state machine is replaced between two applies, not during one.
    this.finishApply();
    this.applied = [...operation.snapshot.commands];
    this.step({ type: "restored" });
  }

  /** The state machine is done with what it was given. */
  finishApply(): void {
    const last = this.#applying.at(-1);
    if (last === undefined) return;
    for (const { command } of this.#applying) this.applied.push(textOf(command));
    this.#applying = [];
    this.step({ type: "applied", index: last.index });
  }

  /** Stores a snapshot of the state machine as it is now, if there is anything new in it. */
  compact(): void {
    const index = this.applied.length;
    const term = this.disk.termAt(index);
    if (!this.isUp || index <= this.disk.snapshotIndex || term === undefined) return;
    const configuration = this.#raft?.configurationAt(index) ?? undefined;
    const position = { lastIncludedIndex: index, lastIncludedTerm: term };
    const meta = configuration === undefined ? position : { ...position, configuration };
    this.disk.install({ meta, commands: [...this.applied] });
    this.step({ type: "compacted", snapshot: meta });
  }

  #drain(): void {
    const ready = this.#raft?.ready() ?? null;
    if (ready === null) return this.#observer.stepped(this, null);
    const { write, restore, committed, messages, snapshots } = ready;
    if (write !== null) this.disk.begin({ type: "write", batch: write });
    if (restore !== null) this.#beginRestore(restore);
    if (committed.length > 0) this.#applying = committed;
    this.#observer.stepped(this, ready);
    for (const message of messages) this.#observer.send({ message, snapshot: null });
    for (const request of snapshots) this.#sendSnapshot(request.to, request.term, request.sequence);
  }

  #beginRestore({ lastIncludedIndex }: InstallSnapshot): void {
    if (this.#staged?.meta.lastIncludedIndex !== lastIncludedIndex)
      throw new Error("asked to restore what nobody staged");
    this.disk.begin({ type: "restore", snapshot: this.#staged });
    this.#staged = null;
  }

  #sendSnapshot(to: NodeId, term: number, sequence: number): void {
    const { snapshot } = this.disk;
    if (snapshot === null) return this.step({ type: "snapshotSent", to, snapshot: null });
    this.#transfers.set(sequence, { to, meta: snapshot.meta, ticks: 0 });
    const message: InstallSnapshot = {
      type: "installSnapshot",
      from: this.id,
      to,
      term,
      sequence,
      ...snapshot.meta,
    };
    this.#observer.send({ message, snapshot });
  }

  #endTransfer(sequence: number, snapshot: SnapshotMeta | null): void {
    const to = this.#transfers.get(sequence)?.to;
    if (to === undefined) return;
    this.#transfers.delete(sequence);
    this.step({ type: "snapshotSent", to, snapshot });
  }
}
