import {
  type Alert,
  type Entry,
  type InstallSnapshot,
  InvariantError,
  type Message,
  Raft,
  type RaftConfig,
  type RaftState,
  type Ready,
  type Restored,
  type SnapshotMeta,
  type WriteBatch,
} from "@eraft/core";
import type { GoPacket } from "../../src/go-peer/index.ts";
import { commandOf, Machine } from "./machine.ts";

/** Our no-op in a cluster with Go nodes: a command that theirs can read. */
export const NOOP: Uint8Array = commandOf("noop");

export const TICK_MS = 50;

export interface CoreNodeOptions {
  readonly id: number;
  readonly size: number;
  readonly seed: number;
  /** Runs `what` later, on virtual time; how long a disk takes is up to it. */
  readonly later: (kind: "disk" | "snapshot", what: () => void) => void;
  readonly send: (packet: GoPacket) => void;
  /** Sees every Ready together with the state at that moment. */
  readonly observe: (ready: Ready, state: RaftState) => void;
}

interface Stored {
  hardState: Restored["hardState"];
  snapshot: { meta: SnapshotMeta; data: Uint8Array } | null;
  entries: Entry[];
}

/** A bare core on a simulated disk: a write is durable when it completes, all or nothing of it if the machine crashes before. */
export class CoreNode {
  readonly id: number;
  readonly machine: Machine = new Machine();
  readonly alerts: Alert[] = [];
  /** Why this server stopped for good; null if it did not. */
  invariantError: InvariantError | null = null;
  readonly #options: CoreNodeOptions;
  readonly #stored: Stored = { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] };
  readonly #staged = new Map<string, Uint8Array>();
  #raft: Raft | null = null;
  #unfinishedWrite: WriteBatch | null = null;
  #starts = 0;
  #proposals = 0;

  constructor(options: CoreNodeOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#raft !== null;
  }

  start(): void {
    if (this.invariantError !== null || this.#raft !== null) return;
    const { id, size, seed } = this.#options;
    this.#starts += 1;
    const { hardState, snapshot, entries } = this.#stored;
    const config: RaftConfig = {
      id,
      peers: Array.from({ length: size }, (_, peer) => peer),
      electionTimeoutTicksMin: 1000 / TICK_MS,
      electionTimeoutTicksMax: 1500 / TICK_MS,
      heartbeatTicks: 2,
      seed: seed * 1000 + this.#starts,
      retainedBytes: 200,
      maxAppendBytes: 400,
      noop: NOOP,
    };
    if (snapshot === null) this.machine.reset();
    else this.machine.restore(snapshot.data);
    const restored = { hardState, snapshot: snapshot?.meta ?? null, entries: [...entries] };
    this.#raft = new Raft(config, restored, snapshot?.meta.lastIncludedIndex ?? 0);
  }

  /** `keepsWrite`: the write under way happens to be complete on the disk. */
  crash(keepsWrite: boolean): void {
    this.#raft = null;
    if (keepsWrite) this.#finishWrite();
    this.#unfinishedWrite = null;
    this.#staged.clear();
  }

  inspect(): RaftState | null {
    return this.#raft?.inspect() ?? null;
  }

  get stored(): Readonly<Stored> {
    return this.#stored;
  }

  tick(): void {
    this.#step((raft) => raft.step({ type: "tick" }));
  }

  propose(command: Uint8Array): void {
    this.#proposals += 1;
    const id = this.#proposals;
    this.#step((raft) => raft.step({ type: "propose", id, command }));
  }

  receive(message: Message, data: Uint8Array | null): void {
    this.#step((raft) => {
      if (message.type === "installSnapshot" && data !== null && raft.wantsSnapshot(message))
        this.#staged.set(keyOf(message), data);
      raft.step({ type: "receive", message });
    });
  }

  /** Takes a snapshot of everything that is applied and durable, and drops the log up to it. */
  compact(): void {
    const state = this.inspect();
    if (state === null || this.#unfinishedWrite !== null) return;
    const index = Math.min(state.lastApplied, state.stableIndex);
    const lastIncludedTerm = this.#stored.entries.find((entry) => entry.index === index)?.term;
    if (lastIncludedTerm === undefined) return;
    const meta = { lastIncludedIndex: index, lastIncludedTerm };
    this.#stored.snapshot = { meta, data: this.machine.snapshot(index) };
    this.#stored.entries = this.#stored.entries.filter((entry) => entry.index > index);
    this.#step((raft) => raft.step({ type: "compacted", snapshot: meta }));
  }

  #step(body: (raft: Raft) => void): void {
    const raft = this.#raft;
    if (raft === null) return;
    try {
      body(raft);
      for (let ready = raft.ready(); ready !== null; ready = raft.ready()) this.#act(raft, ready);
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.invariantError = error;
      this.crash(false);
    }
  }

  #act(raft: Raft, ready: Ready): void {
    this.#options.observe(ready, raft.inspect());
    this.alerts.push(...ready.alerts);
    for (const message of ready.messages) this.#options.send({ message, snapshot: null });
    const { write, restore, committed } = ready;
    if (write !== null) this.#write(raft, write);
    if (restore !== null) this.#later(raft, "disk", () => this.#restore(raft, restore));
    for (const { command, index } of committed) this.machine.apply(command, index);
    const applied = committed.at(-1);
    if (applied !== undefined) {
      this.#later(raft, "disk", () => raft.step({ type: "applied", index: applied.index }));
    }
    for (const request of ready.snapshots) this.#sendSnapshot(raft, request);
  }

  #write(raft: Raft, batch: WriteBatch): void {
    this.#unfinishedWrite = batch;
    this.#later(raft, "disk", () => {
      this.#finishWrite();
      raft.step({ type: "written" });
    });
  }

  #finishWrite(): void {
    if (this.#unfinishedWrite !== null) this.#store(this.#unfinishedWrite);
    this.#unfinishedWrite = null;
  }

  #store({ hardState, truncateFrom, entries }: WriteBatch): void {
    const stored = this.#stored;
    if (hardState !== null) stored.hardState = hardState;
    if (truncateFrom !== null) stored.entries = stored.entries.filter(({ index }) => index < truncateFrom);
    stored.entries.push(...entries);
  }

  #restore(raft: Raft, header: InstallSnapshot): void {
    const { lastIncludedIndex, lastIncludedTerm } = header;
    const data = this.#staged.get(keyOf(header));
    if (data === undefined) throw new Error("restore of a snapshot that was not staged");
    this.#staged.clear();
    // A storage keeps the order of its calls: the write that was under way first.
    this.#finishWrite();
    const stored = this.#stored;
    const agrees = stored.entries.some(
      ({ index, term }) => index === lastIncludedIndex && term === lastIncludedTerm,
    );
    stored.entries = agrees ? stored.entries.filter(({ index }) => index > lastIncludedIndex) : [];
    stored.snapshot = { meta: { lastIncludedIndex, lastIncludedTerm }, data };
    this.machine.restore(data);
    raft.step({ type: "restored" });
  }

  #sendSnapshot(raft: Raft, { to, term, sequence }: { to: number; term: number; sequence: number }): void {
    const { snapshot } = this.#stored;
    if (snapshot !== null) {
      const header = {
        type: "installSnapshot",
        from: this.id,
        to,
        term,
        sequence,
        ...snapshot.meta,
      } as const;
      this.#options.send({ message: header, snapshot: snapshot.data });
    }
    this.#later(raft, "snapshot", () =>
      raft.step({ type: "snapshotSent", to, snapshot: snapshot?.meta ?? null }),
    );
  }

  /** Later, if this process still runs then. */
  #later(raft: Raft, kind: "disk" | "snapshot", what: () => void): void {
    this.#options.later(kind, () => {
      if (this.#raft === raft) this.#step(what);
    });
  }
}

function keyOf({ from, sequence, term, lastIncludedIndex }: InstallSnapshot): string {
  return `${from}/${sequence}/${term}/${lastIncludedIndex}`;
}
