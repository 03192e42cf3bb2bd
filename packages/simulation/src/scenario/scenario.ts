import type { Entry, LogIndex, NodeId, RaftState, Term } from "@eraft/core";
import { proposalOf } from "../cluster/cluster.ts";
import type { Node } from "../cluster/node.ts";
import { Random } from "../random.ts";
import { mustHold } from "../violation.ts";
import { Agreement, type AgreementOptions, listOf } from "./agreement.ts";
import type { NetworkKind } from "./lab-network.ts";
import { type Application, VirtualCluster } from "./virtual-cluster.ts";
import type { Work } from "./work.ts";

/** The unit of waiting of the labs, in milliseconds of virtual time: longer than any election timeout. */
export const ELECTION_MS = 1000;
/** How long a healed cluster may take until every server has everything. */
const CONVERGE_WITHIN_MS = 20_000;

export interface ScenarioOptions {
  readonly nodes: number;
  /** Default "reliable". */
  readonly network?: NetworkKind;
  /** Every server stores a snapshot when it has applied this many entries since the last one. Default: never. */
  readonly snapshotEvery?: number;
}

export interface Started {
  readonly index: LogIndex;
  readonly term: Term;
}

/**
 * A script's view of a cluster of bare cores: it cuts off, crashes and restarts servers, gives them commands, waits, and looks at what came of it. Names
 * are those of the labs' `config.go`. Commands are numbers. Indexes are positions in the log, where each term opens with a no-op; `ordinal` counts
 * commands only.
 *
 * Everything runs on virtual time and from one seed: the same script and seed always go the same way.
 */
export class Scenario {
  /** For what the script leaves to chance. */
  readonly random: Random;
  readonly #world: VirtualCluster;
  readonly #committed: (number | null)[] = [];
  #proposals = 0;
  #commands = 0;
  #commandBytes = 4;
  #nextServer = 0;

  constructor(seed: number, { nodes, network = "reliable", snapshotEvery = Infinity }: ScenarioOptions) {
    this.random = new Random(seed, "script");
    this.#world = new VirtualCluster(seed, {
      nodes,
      network,
      compactWhen: (node) => node.machine.index - node.disk.snapshotIndex >= snapshotEvery,
      application: this.#application(),
    });
  }

  // --- time

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#world.now;
  }

  runFor(ms: number): void {
    const end = this.now + ms;
    while (this.#step(end));
  }

  /** Runs until `done`, at most for `ms`. False if that was not enough. */
  runUntil(ms: number, done: () => boolean): boolean {
    const end = this.now + ms;
    while (!done()) if (!this.#step(end)) return done();
    return true;
  }

  // --- faults

  get size(): number {
    return this.#world.cluster.nodes.length;
  }

  /** The server `by` places behind `node`. */
  after(node: NodeId, by: number): NodeId {
    return (node + by) % this.size;
  }

  randomNode(): NodeId {
    return this.random.integer(0, this.size - 1);
  }

  isConnected(node: NodeId): boolean {
    return this.#world.links.isConnected(node);
  }

  /** Cuts `nodes` off from all others. They go on running. */
  disconnect(...nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#world.links.disconnect(node);
  }

  connect(...nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#world.links.connect(node);
  }

  setNetwork(kind: NetworkKind): void {
    this.#world.network.kind = kind;
  }

  isUp(node: NodeId): boolean {
    return this.#world.cluster.node(node).isUp;
  }

  /** `nodes` lose power, and with it what their disks had not confirmed. */
  crash(...nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#world.crash(node);
  }

  /** Starts `nodes` from their disks, after a crash if they are running. */
  restart(...nodes: readonly NodeId[]): void {
    for (const node of nodes) {
      if (this.isUp(node)) this.crash(node);
      void this.#world.restart(node);
    }
  }

  // --- commands

  /** A number that no other command has: equal commands would hide that one was lost and another doubled. */
  newCommand(): number {
    this.#commands += 1;
    return this.#commands;
  }

  /** From now on commands take this many bytes, at least 4. */
  setCommandBytes(sizeBytes: number): void {
    this.#commandBytes = sizeBytes;
  }

  /** Proposes `command` to `node`. Null if it does not lead or is down; otherwise where the command will be if it is ever committed. */
  start(node: NodeId, command: number): Started | null {
    if (!this.isUp(node)) return null;
    this.#proposals += 1;
    const bytes = bytesOf(command, this.#commandBytes);
    const before = this.inspect(node);
    void this.#world.perform({ type: "propose", node, id: this.#proposals, command: bytes });
    if (before.role !== "leader") return null;
    const { term, lastLogIndex } = this.inspect(node);
    mustHold(lastLogIndex === before.lastLogIndex + 1, "Leader Appends", () => `${node} ignores a command`);
    return { index: lastLogIndex, term };
  }

  /** Proposes `command` to one connected server after another until one leads. Null if none does. */
  startAnywhere(command: number): LogIndex | null {
    for (let tried = 0; tried < this.size; tried += 1) {
      this.#nextServer = this.after(this.#nextServer, 1);
      if (!this.isConnected(this.#nextServer)) continue;
      const started = this.start(this.#nextServer, command);
      if (started !== null) return started.index;
    }
    return null;
  }

  /** Has `command` applied by at least `expectedServers`, trying every connected server. Returns its index. */
  one(command: number, expectedServers: number, options?: AgreementOptions): LogIndex {
    return this.all([this.agree(command, expectedServers, options)])[0] ?? 0;
  }

  /** Begins what `one` does, for `all` to wait for. */
  agree(command: number, expectedServers: number, options?: AgreementOptions): Agreement {
    return new Agreement(this, command, expectedServers, options);
  }

  /** Runs until all `agreements` are reached. Returns their indexes. */
  all(agreements: readonly Agreement[]): LogIndex[] {
    const indexes = new Map<Agreement, LogIndex>();
    const poll = (): boolean => {
      for (const agreement of agreements) {
        if (indexes.has(agreement)) continue;
        const index = agreement.poll();
        if (index !== null) indexes.set(agreement, index);
      }
      return indexes.size === agreements.length;
    };
    // Each agreement throws when its own time is up.
    this.runUntil(Infinity, poll);
    return agreements.map((agreement) => indexes.get(agreement) ?? 0);
  }

  /** Runs until `expectedServers` have applied the entry at `index`. */
  waitFor(index: LogIndex, expectedServers: number): void {
    mustHold(
      this.runUntil(10_000, () => this.nCommitted(index) >= expectedServers),
      "Liveness: Wait",
      () => `${this.nCommitted(index)} of ${expectedServers} servers have applied index ${index}`,
    );
  }

  // --- looking

  /** How many servers that are up have applied the entry at `index`. */
  nCommitted(index: LogIndex): number {
    let count = 0;
    for (const { isUp, machine } of this.#world.cluster.nodes) if (isUp && machine.index >= index) count += 1;
    return count;
  }

  /** What is committed at `index`: a command, null for a no-op, undefined if nothing is yet. */
  committedCommand(index: LogIndex): number | null | undefined {
    return this.#committed[index - 1];
  }

  /** All commands committed anywhere so far, in order. */
  committedCommands(): number[] {
    return this.#committed.filter((command) => command !== null);
  }

  /** How many commands stand at or before `index` in the committed log: what the index would be without no-ops. */
  ordinal(index: LogIndex): number {
    return this.#committed.slice(0, index).filter((command) => command !== null).length;
  }

  inspect(node: NodeId): RaftState {
    return this.#world.cluster.node(node).state;
  }

  /** The connected servers that lead, by term. */
  leaders(): Map<Term, NodeId> {
    const leaders = new Map<Term, NodeId>();
    for (const { id } of this.#reachable()) {
      const { role, term } = this.inspect(id);
      if (role !== "leader") continue;
      mustHold(!leaders.has(term), "Election Safety", () => `two leaders in term ${term}`);
      leaders.set(term, id);
    }
    return leaders;
  }

  /** Waits for a leader among the connected servers, 5 s at most, and returns the newest. */
  checkOneLeader(): NodeId {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      this.runFor(this.random.between(450, 550));
      const leaders = this.leaders();
      if (leaders.size > 0) return leaders.get(Math.max(...leaders.keys())) as NodeId;
    }
    return mustFail(
      "Liveness: Election",
      `no leader after 5 s; connected: ${listOf(this.#reachable().map(({ id }) => id))}`,
    );
  }

  checkNoLeader(): void {
    const leaders = this.leaders();
    mustHold(leaders.size === 0, "Quorum", () => `without a majority, ${listOf(leaders.values())} leads`);
  }

  /** The term that all connected servers are in. */
  checkTerms(): Term {
    const terms = new Set(this.#reachable().map(({ id }) => this.inspect(id).term));
    const [term] = terms;
    if (term === undefined || terms.size > 1)
      return mustFail("Equal Terms", `servers are in terms ${listOf(terms)}`);
    return term;
  }

  /** Requests sent between servers so far. */
  rpcCount(): number {
    return this.#world.rpcCount;
  }

  /** Bytes of the messages sent between servers so far. */
  bytes(): number {
    return this.#world.bytes;
  }

  /** The most bytes that the log of any server takes. */
  logBytes(): number {
    return Math.max(
      ...this.#world.cluster.nodes.filter(({ isUp }) => isUp).map(({ id }) => this.inspect(id).logBytes),
    );
  }

  /** Snapshots that followers received from leaders and installed. */
  get installs(): number {
    return this.#world.installs;
  }

  get traceHash(): number {
    return this.#world.traceHash;
  }

  // --- the end

  /** Ends all faults, and expects that one more command reaches every server and every server gets everything. */
  finish(): void {
    const { links, network, cluster, checker } = this.#world;
    network.kind = "reliable";
    links.connectAll();
    for (const { id, isUp } of cluster.nodes) if (!isUp) this.restart(id);
    this.one(this.newCommand(), this.size);
    const isLevel = (): boolean =>
      cluster.nodes.every(({ machine }) => machine.index >= checker.history.length);
    mustHold(
      this.runUntil(CONVERGE_WITHIN_MS, isLevel),
      "Liveness: Converges",
      () =>
        `servers are at ${listOf(cluster.nodes.map(({ machine }) => machine.index))} of ${checker.history.length}`,
    );
  }

  #reachable(): Node[] {
    return this.#world.cluster.nodes.filter(({ id, isUp }) => isUp && this.isConnected(id));
  }

  #step(until: number): boolean {
    const stepped = this.#world.step(until);
    if (typeof stepped !== "boolean")
      throw new Error("nothing in a scenario of bare cores can be waited for");
    return stepped;
  }

  /** No state machine but the one that every simulated server has; only the order of the commands is noted. */
  #application(): Application {
    return {
      started: nothing,
      snapshot: nothing,
      installed: nothing,
      outcome: nothing,
      apply: (_, entries) => this.#note(entries),
    };
  }

  #note(entries: readonly Entry[]): Work {
    for (const entry of entries)
      if (entry.index > this.#committed.length) this.#committed.push(proposalOf(entry));
    return undefined;
  }
}

function nothing(): Work {
  return undefined;
}

function bytesOf(command: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setUint32(0, command, true);
  return bytes;
}

function mustFail(property: string, details: string): never {
  mustHold(false, property, () => details);
  throw new Error(details);
}
