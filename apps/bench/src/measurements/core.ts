import { type Entry, type LogIndex, type Message, Raft } from "@eraft/core";
import type { Measurement } from "../measurement.ts";

const NODES = [0, 1, 2];
const COMMAND_BYTES = 128;
/** Proposals that come in together, as they do in a busy server. */
const BATCH = 1024;
/** The log is cut when it holds this many entries, as snapshots would do it. */
const COMPACT_EVERY = 64 * BATCH;

export const core: Measurement = {
  name: "core",
  summary: "entries a second that three cores in one process commit, without disk, network or runtime",
  needs: [],
  run: async ({ scale, progress }) => {
    const perSecond: number[] = [];
    for (let round = 0; round < scale.rounds; round += 1) {
      progress.at(round / scale.rounds, `round ${round + 1} of ${scale.rounds}`);
      const cluster = new CoreCluster();
      run(cluster, scale.warmUpSeconds);
      perSecond.push(run(cluster, scale.loadSeconds));
      // Not a pause to measure anything: the bar is drawn, and a Ctrl-C is heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const what = `three cores in memory, committed entries of ${COMMAND_BYTES} bytes`;
    return [{ id: "core", what, unit: "/s", better: "more", eraft: perSecond, etcd: null }];
  },
};

/** Proposes batch after batch for so long. Entries a second that all three have applied. */
function run(cluster: CoreCluster, seconds: number): number {
  const before = cluster.applied;
  const from = performance.now();
  const until = from + seconds * 1000;
  while (performance.now() < until) cluster.commit(BATCH);
  return ((cluster.applied - before) * 1000) / (performance.now() - from);
}

/** Three servers, whose messages arrive and whose disks are done at once. */
class CoreCluster {
  readonly #servers: readonly CoreServer[];
  readonly #leader: CoreServer;
  readonly #command = new Uint8Array(COMMAND_BYTES).fill(7);
  #lastId = 0;

  constructor() {
    this.#servers = NODES.map((id) => new CoreServer(id));
    for (;;) {
      for (const server of this.#servers) server.raft.step({ type: "tick" });
      this.#settle();
      const leader = this.#servers.find(({ raft }) => raft.inspect().role === "leader");
      if (leader === undefined) continue;
      this.#leader = leader;
      return;
    }
  }

  /** Entries that every server has applied. */
  get applied(): LogIndex {
    return Math.min(...this.#servers.map(({ applied }) => applied));
  }

  /** Throws unless all `count` proposals are committed, in order, everywhere. */
  commit(count: number): void {
    const before = this.#leader.outcomes;
    for (let i = 0; i < count; i += 1) {
      this.#lastId += 1;
      this.#leader.raft.step({ type: "propose", id: this.#lastId, command: this.#command });
    }
    this.#settle();
    // Followers hear of the last commit with the next message.
    for (let tick = 0; tick < 8 && this.applied < this.#leader.applied; tick += 1) {
      this.#leader.raft.step({ type: "tick" });
      this.#settle();
    }
    if (this.#leader.outcomes - before !== count || this.applied !== this.#leader.applied) {
      throw new Error(`of ${count} proposals, ${this.#leader.outcomes - before} were committed everywhere`);
    }
    for (const server of this.#servers) server.compact();
  }

  #settle(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const server of this.#servers) {
        for (const message of server.act()) {
          isBusy = true;
          this.#servers[message.to]?.raft.step({ type: "receive", message });
        }
      }
    }
  }
}

class CoreServer {
  readonly raft: Raft;
  applied: LogIndex = 0;
  #term = 0;
  #compacted: LogIndex = 0;
  outcomes = 0;

  constructor(id: number) {
    const config = {
      id,
      peers: NODES,
      seed: id,
      heartbeatTicks: 1,
      electionTimeoutTicksMin: 10,
      electionTimeoutTicksMax: 20,
      retainedBytes: 0,
    };
    this.raft = new Raft(config, { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] }, 0);
  }

  /** Does all there is to do here. What is for others. */
  act(): readonly Message[] {
    const messages: Message[] = [];
    for (let ready = this.raft.ready(); ready !== null; ready = this.raft.ready()) {
      for (const message of ready.messages) messages.push(message);
      for (const outcome of ready.outcomes) if (outcome.type === "committed") this.outcomes += 1;
      if (ready.committed.length > 0) this.#apply(ready.committed);
      if (ready.write !== null) this.raft.step({ type: "written" });
    }
    return messages;
  }

  compact(): void {
    if (this.applied - this.#compacted < COMPACT_EVERY) return;
    this.#compacted = this.applied;
    const snapshot = { lastIncludedIndex: this.applied, lastIncludedTerm: this.#term };
    this.raft.step({ type: "compacted", snapshot });
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index !== this.applied + 1) throw new Error(`entry ${entry.index} after ${this.applied}`);
      this.applied = entry.index;
      this.#term = entry.term;
    }
    this.raft.step({ type: "applied", index: this.applied });
  }
}
