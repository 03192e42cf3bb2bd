import type { NodeId } from "@eraft/core";
import {
  assertLinearizable,
  checkAppends,
  checkLinearizable,
  HistoryRecorder,
  type KvInput,
  kvModel,
  type KvOutput,
} from "@eraft/linearizability";
import { Random } from "../random.ts";
import { mustHold } from "../violation.ts";
import { listOf } from "./agreement.ts";
import { Clerk } from "./clerk.ts";
import { KvServers } from "./kv-servers.ts";
import type { NetworkKind } from "./lab-network.ts";
import { VirtualCluster } from "./virtual-cluster.ts";

/** How long an operation of a client that reaches a majority may take. */
const ANSWER_WITHIN_MS = 30_000;
const CONVERGE_WITHIN_MS = 20_000;

export interface KvScenarioOptions {
  readonly servers: number;
  /** Default "reliable". */
  readonly network?: NetworkKind;
  /** Bytes of applied entries at which a server stores a snapshot. Default: never. */
  readonly maxRaftState?: number;
  /**
   * The history has only gets and appends: then its order can be read from the values, however many clients share a key, where the search of the general
   * check would be exponential. Default false.
   */
  readonly appendsOnly?: boolean;
}

/** A client of a scenario, with its place in the history. */
export interface KvraftClient {
  readonly clerk: Clerk;
  readonly id: number;
}

/**
 * A script's view of a cluster with the real key-value state machine: clients with sessions that retry, partitions, crashes, and one history of all
 * operations that must be linearizable in the end. On virtual time, from one seed.
 */
export class KvScenario {
  /** For what the script leaves to chance. */
  readonly random: Random;
  readonly size: number;
  readonly #seed: number;
  readonly #world: VirtualCluster;
  readonly #servers = new KvServers();
  readonly #appendsOnly: boolean;
  readonly #history = new HistoryRecorder<KvInput, KvOutput>();

  constructor(seed: number, options: KvScenarioOptions) {
    const { servers, network = "reliable", maxRaftState = Infinity, appendsOnly = false } = options;
    this.random = new Random(seed, "script");
    this.size = servers;
    this.#seed = seed;
    this.#appendsOnly = appendsOnly;
    this.#world = new VirtualCluster(seed, {
      nodes: servers,
      network,
      compactWhen: (node) => node.compactableBytes >= maxRaftState,
      application: this.#servers,
    });
  }

  // --- time

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#world.now;
  }

  /** Calls `what` in `ms` milliseconds. */
  later(ms: number, what: () => Promise<void> | undefined): void {
    this.#world.later(ms, what);
  }

  async runFor(ms: number): Promise<void> {
    await this.runUntil(ms, () => false);
  }

  /** Runs until `done`, at most for `ms`. False if that was not enough. */
  async runUntil(ms: number, done: () => boolean): Promise<boolean> {
    const end = this.now + ms;
    while (!done()) {
      const stepped = this.#world.step(end);
      // Most steps wait for nothing, and a promise for each would take longer than the steps.
      if (!(typeof stepped === "boolean" ? stepped : await stepped)) return done();
    }
    return true;
  }

  // --- faults

  get nodes(): readonly NodeId[] {
    return this.#world.cluster.nodes.map(({ id }) => id);
  }

  /** The server that leads the highest term; waits for one. */
  async leader(): Promise<NodeId> {
    const leaders = (): { id: NodeId; term: number }[] =>
      this.#world.cluster.nodes
        .filter(({ isUp }) => isUp)
        .map((node) => node.state)
        .filter(({ role }) => role === "leader");
    mustHold(
      await this.runUntil(5000, () => leaders().length > 0),
      "Liveness: Election",
      () => "no leader after 5 s",
    );
    return leaders().toSorted((one, other) => other.term - one.term)[0]?.id ?? 0;
  }

  /** Servers on different sides no longer reach each other. Clients are not affected. */
  partition(...sides: readonly (readonly NodeId[])[]): void {
    this.#world.links.partition(sides);
  }

  connectAll(): void {
    this.#world.links.connectAll();
  }

  /** For `ms` the process of `node` does nothing; what arrives meanwhile waits. */
  stall(node: NodeId, ms: number): void {
    this.#world.stall(node, ms);
  }

  setNetwork(kind: NetworkKind): void {
    this.#world.network.kind = kind;
  }

  /** `nodes` lose power, and with it what their disks had not confirmed. */
  crash(...nodes: readonly NodeId[]): void {
    for (const node of nodes) if (this.#world.cluster.node(node).isUp) this.#world.crash(node);
  }

  /** Starts those of `nodes` that are down, from their disks. */
  async restart(...nodes: readonly NodeId[]): Promise<void> {
    for (const node of nodes) await this.#world.restart(node);
  }

  // --- clients

  /** A new client, which reaches `servers`, by default all. */
  client(servers: readonly NodeId[] = this.nodes): KvraftClient {
    const id = this.#history.newClient();
    return { id, clerk: new Clerk(this.#world, this.#servers, this.#seed, id + 1, servers) };
  }

  /** Begins an operation; `done` is called when it is answered. */
  begin({ clerk, id }: KvraftClient, input: KvInput, done: (output: KvOutput) => void): void {
    const pending = this.#history.call(id, input);
    clerk.begin(input, (output) => {
      pending.ok(output);
      done(output);
    });
  }

  put(client: KvraftClient, key: string, value: string): Promise<KvOutput> {
    return this.#call(client, { type: "put", key, value });
  }

  append(client: KvraftClient, key: string, value: string): Promise<KvOutput> {
    return this.#call(client, { type: "append", key, value });
  }

  /** The value of `key`, null if it is absent. */
  get(client: KvraftClient, key: string): Promise<KvOutput> {
    return this.#call(client, { type: "get", key });
  }

  /** Expects that `key` has `value`. */
  async check(client: KvraftClient, key: string, value: string): Promise<void> {
    const found = await this.get(client, key);
    mustHold(
      found === value,
      "KV Value",
      () => `${key} is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`,
    );
  }

  async #call(client: KvraftClient, input: KvInput): Promise<KvOutput> {
    let answer: { readonly output: KvOutput } | null = null;
    this.begin(client, input, (output) => (answer = { output }));
    await this.mustReach(() => answer !== null, `${input.type} ${input.key} is not answered`);
    return (answer as { readonly output: KvOutput } | null)?.output ?? null;
  }

  /** Runs until `done`, which must not take longer than an operation may. */
  async mustReach(done: () => boolean, complaint: string): Promise<void> {
    mustHold(
      await this.runUntil(ANSWER_WITHIN_MS, done),
      "Liveness: Answer",
      () => `${complaint} within ${ANSWER_WITHIN_MS} ms`,
    );
  }

  // --- looking

  /** The most bytes that the log of any of `nodes` takes. */
  logBytes(nodes: readonly NodeId[] = this.nodes): number {
    return Math.max(...nodes.map((node) => this.#world.cluster.node(node).state.logBytes));
  }

  /** The most bytes that the snapshot of any server takes; 0 if there is none. */
  snapshotBytes(): number {
    return Math.max(0, ...this.nodes.map((node) => this.#servers.snapshotBytes[node] ?? 0));
  }

  /** Snapshots that followers received from leaders and installed. */
  get installs(): number {
    return this.#world.installs;
  }

  get traceHash(): number {
    return this.#world.traceHash;
  }

  // --- the end

  /** Ends all faults, and expects that every server gets everything, that all then have the same state, and that the history is linearizable. */
  async finish(): Promise<void> {
    this.setNetwork("reliable");
    this.connectAll();
    await this.restart(...this.nodes);
    // A new term's no-op commits what is left of former terms.
    await this.append(this.client(), "the end", ".");
    const { cluster, checker } = this.#world;
    const isLevel = (): boolean =>
      cluster.nodes.every(({ machine }) => machine.index >= checker.history.length);
    mustHold(
      await this.runUntil(CONVERGE_WITHIN_MS, isLevel),
      "Liveness: Converges",
      () =>
        `servers are at ${listOf(cluster.nodes.map(({ machine }) => machine.index))} of ${checker.history.length}`,
    );
    const [first, ...others] = await Promise.all(this.nodes.map((node) => this.#servers.state(node)));
    mustHold(
      others.every((state) => isEqual(state, first)),
      "Equal States",
      () => "after the same commands, servers have different keys, values or sessions",
    );
    this.#checkHistory();
  }

  #checkHistory(): void {
    const history = this.#history.operations();
    if (this.#appendsOnly) {
      const { problems } = checkAppends(history);
      mustHold(problems.length === 0, "Linearizable", () =>
        problems.map(({ message }) => message).join("; "),
      );
    } else {
      // "unknown" throws too: an undecided history has not passed.
      assertLinearizable(checkLinearizable(kvModel, history));
    }
  }
}

function isEqual(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return one.length === other?.length && one.every((byte, at) => byte === other[at]);
}
