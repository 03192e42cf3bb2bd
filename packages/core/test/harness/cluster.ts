import type {
  LogIndex,
  MemberChange,
  NodeId,
  RaftConfig,
  RaftState,
  Ready,
  RequestId,
  Term,
} from "@eraft/core";
import { assert, History } from "./history.ts";
import { Invariants } from "./invariants.ts";
import { textOfMembers } from "./members.ts";
import { type Filter, Network, type Parcel } from "./network.ts";
import { Node, type Observer } from "./node.ts";
import { bytesOf } from "./text.ts";

/**
 * The servers in tests: an election timeout of 10 to 19 ticks, a heartbeat every 3. Elections are those of Figure 3.1, so that what a test of chapter 3
 * says is what happens; those with a pre-vote have tests of their own.
 */
export const TIMING = {
  electionTimeoutTicksMin: 10,
  electionTimeoutTicksMax: 20,
  heartbeatTicks: 3,
  preVote: false,
} as const;

/** What no run of a correct cluster needs: more steps to become quiet than this. */
const MAX_STEPS_TO_SETTLE = 20_000;

/**
 * A cluster of real cores on modelled disks and a modelled network. Nothing moves by itself: a test ticks, and `settle` lets everything
 * that has begun come to its end. The invariants are checked after every step.
 */
export class Cluster implements Observer {
  readonly nodes: readonly Node[];
  readonly network: Network = new Network();
  readonly history: History = new History();
  readonly #invariants: Invariants;
  readonly #slowDisks = new Set<NodeId>();
  #requests = 0;

  /** @param founders how many of the servers the cluster begins with; the others wait to be added */
  constructor(size: number, config: Partial<RaftConfig> = {}, founders: number = size) {
    const ids = Array.from({ length: size }, (_, id) => id);
    const members = ids.slice(0, founders);
    this.nodes = ids.map((id) => {
      const peers = members.includes(id) ? members : [];
      return new Node({ ...TIMING, id, peers, seed: 7 * id + 1, ...config }, this);
    });
    this.#invariants = new Invariants(this.history, this.nodes);
    for (const node of this.nodes) node.start();
  }

  // --- what a test does

  /** Time goes on for `ids`, by default for all, with everything settled after each tick. */
  run(ticks: number, ids: readonly NodeId[] = this.ids): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      for (const id of ids) this.node(id).tick();
      this.settle();
    }
  }

  /** Time goes on for one server and nothing else happens. */
  tick(id: NodeId, ticks = 1): void {
    for (let tick = 0; tick < ticks; tick += 1) this.node(id).tick();
  }

  /** Lets `id` stand for election, or ask whether it should where that comes first: the first to time out. */
  campaign(id: NodeId): void {
    const { term } = this.state(id);
    const waits = (): boolean => this.state(id).term === term && this.state(id).role !== "preCandidate";
    for (let tick = 0; waits(); tick += 1) {
      assert(tick < 2 * TIMING.electionTimeoutTicksMax, `${id} does not stand for election`);
      this.tick(id);
    }
  }

  elect(id: NodeId): void {
    this.campaign(id);
    this.settle();
    assert(this.state(id).role === "leader", `${id} was not elected`);
  }

  /** Proposes `text` to `id`. Returns the request's number; see `outcome`. */
  propose(id: NodeId, text: string): RequestId {
    this.#requests += 1;
    this.history.proposals.set(this.#requests, text);
    this.node(id).step({ type: "propose", id: this.#requests, command: bytesOf(text) });
    return this.#requests;
  }

  read(id: NodeId, consistency: "linearizable" | "lease" = "linearizable"): RequestId {
    this.#requests += 1;
    this.history.reads.set(this.#requests, this.history.commitIndex);
    this.node(id).step({ type: "read", id: this.#requests, consistency });
    return this.#requests;
  }

  change(id: NodeId, changes: readonly MemberChange[], expectedIndex: LogIndex | null = null): RequestId {
    this.#requests += 1;
    this.node(id).step({ type: "changeConfiguration", id: this.#requests, changes, expectedIndex });
    return this.#requests;
  }

  transfer(id: NodeId, to: NodeId | null = null): RequestId {
    this.#requests += 1;
    this.node(id).step({ type: "transferLeadership", id: this.#requests, to });
    return this.#requests;
  }

  /** Delivers, writes and applies until nothing moves any more without time. */
  settle(): void {
    for (let step = 0; this.#advance(); step += 1) {
      assert(step < MAX_STEPS_TO_SETTLE, "the servers never come to rest");
    }
  }

  /** Delivers the oldest message that may move. False if there is none. */
  deliver(): boolean {
    const parcel = this.network.next();
    if (parcel !== undefined) this.node(parcel.message.to).receive(parcel);
    return parcel !== undefined;
  }

  crash(id: NodeId, survivors = 0): void {
    this.node(id).crash(survivors);
    this.network.drop(({ to }) => to === id);
  }

  restart(id: NodeId): void {
    this.node(id).start();
  }

  /** A server that is down loses its disk and gets an empty one. */
  wipe(id: NodeId): void {
    const { disk, isUp } = this.node(id);
    assert(!isUp, `${id} is running`);
    disk.hardState = { term: 0, votedFor: null };
    disk.snapshot = null;
    disk.entries = [];
  }

  /** `id` learns which disk speaks for `peer`. */
  identify(id: NodeId, peer: NodeId, incarnation: string): void {
    this.node(id).step({ type: "identified", peer, incarnation });
  }

  compact(id: NodeId): void {
    this.node(id).compact();
  }

  /** Cuts `ids` off from all others, but not from each other. Returns what ends it. */
  isolate(...ids: readonly NodeId[]): () => void {
    return this.block(({ from, to }) => ids.includes(from) !== ids.includes(to));
  }

  block(matches: Filter): () => void {
    return this.network.block(matches);
  }

  hold(matches: Filter): () => void {
    return this.network.hold(matches);
  }

  /** From now on this server's disk only finishes when told so. Returns what ends that. */
  stallDisk(id: NodeId): () => void {
    this.#slowDisks.add(id);
    return () => void this.#slowDisks.delete(id);
  }

  // --- what a test looks at

  get ids(): readonly NodeId[] {
    return this.nodes.map(({ id }) => id);
  }

  node(id: NodeId): Node {
    const node = this.nodes[id];
    assert(node !== undefined, `there is no server ${id}`);
    return node;
  }

  state(id: NodeId): RaftState {
    return this.node(id).state;
  }

  /** The terms of each server's durable log, as the figures of the dissertation draw them. */
  logs(): Term[][] {
    return this.nodes.map(({ disk }) => disk.terms);
  }

  /** Commands applied by `id`, no-ops left out. */
  applied(id: NodeId): string[] {
    return this.node(id).applied.filter((text) => text !== "");
  }

  /** The members that `id` goes by, as `configurationOf` reads them. */
  members(id: NodeId): string {
    return textOfMembers(this.state(id).configuration.configuration);
  }

  outcome(request: RequestId): string | undefined {
    return this.history.outcomes.get(request);
  }

  /** The leader of the highest term among the servers that run; undefined if there is none. */
  leader(): NodeId | undefined {
    const leaders = this.nodes.filter((node) => node.isUp && node.state.role === "leader");
    return leaders.toSorted((a, b) => b.state.term - a.state.term)[0]?.id;
  }

  // --- Observer

  stepped(node: Node, ready: Ready | null): void {
    this.#invariants.check(node, ready);
  }

  send(parcel: Parcel): void {
    this.network.send(parcel);
  }

  #advance(): boolean {
    for (const node of this.nodes) {
      if (!node.isUp) continue;
      if (node.disk.isBusy && !this.#slowDisks.has(node.id)) {
        node.finishDisk();
        return true;
      }
      if (node.isApplying) {
        node.finishApply();
        return true;
      }
    }
    return this.deliver();
  }
}
