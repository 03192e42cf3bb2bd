import { isJoint, type MemberChange, memberOf, type NodeId, type RequestId } from "@eraft/core";
import { Cluster, TIMING } from "./cluster.ts";
import { Dice } from "./dice.ts";
import { assert } from "./history.ts";
import type { Node } from "./node.ts";

/** Ticks within which a healed cluster must have a leader, and then be equal everywhere: many elections, many snapshots. */
const TICKS_TO_LEAD = 400;
const TICKS_TO_CONVERGE = 200;

/** A run of a cluster in which anything may happen, and its recovery. Throws when an invariant or a promise is broken. */
export class RandomWalk {
  readonly cluster: Cluster;
  readonly #dice: Dice;
  /** Requests by the server that took them: they are lost if it crashes. */
  readonly #open = new Map<RequestId, NodeId>();
  #proposals = 0;
  /** Whether members come and go. */
  readonly #changes: boolean;
  /** Without a pre-vote, servers that were removed keep the others from having a leader (4.2.3): they have to be switched off. */
  readonly #isDisturbed: boolean;

  constructor(seed: number) {
    const dice = new Dice(seed);
    this.#dice = dice;
    const size = dice.pick([1, 2, 3, 3, 3, 4, 5, 5, 6, 7]);
    this.#changes = dice.oneIn(2);
    const config = {
      preVote: !dice.oneIn(3),
      maxAppendBytes: dice.pick([40, 100, 1000]),
      maxInflightAppends: dice.pick([1, 2, 4]),
      maxUncommittedBytes: dice.pick([150, 10_000]),
      maxInflightBytes: dice.pick([40, 1000]),
      retainedBytes: dice.pick([0, 0, 100, 1000]),
    };
    this.cluster = new Cluster(size, config, this.#changes ? 1 + dice.roll(size) : size);
    this.#isDisturbed = !config.preVote;
  }

  /** The safety phase. */
  wander(steps: number): void {
    const mix = this.#mix();
    for (let step = 0; step < steps; step += 1) this.#dice.pick(mix)();
  }

  /** The liveness phase: everything works again, so everything must come to its end. */
  recover(): void {
    const { cluster } = this;
    cluster.network.heal();
    this.#restart();
    this.#runUntil(TICKS_TO_LEAD, "no leader", () => {
      if (this.#isDisturbed) this.#switchOffOthers();
      return this.#settledLeader() !== undefined;
    });
    // Long enough for a transfer that is under way to come to its end, too.
    cluster.run(TIMING.electionTimeoutTicksMin);
    this.#runUntil(TICKS_TO_CONVERGE, "the servers differ", () => this.#isConverged());
    const leader = this.#settledLeader();
    assert(leader !== undefined, "the leader is gone");
    const written = this.#track(leader, cluster.propose(leader, "the end"));
    const read = this.#track(leader, cluster.read(leader));
    this.#runUntil(TICKS_TO_CONVERGE, "the last write does not arrive", () => this.#isConverged());
    assert(cluster.outcome(written) === "committed", `the last write: ${cluster.outcome(written)}`);
    assert(cluster.outcome(read) === "readable", `the last read: ${cluster.outcome(read)}`);
    for (const [request] of this.#open) {
      assert(cluster.outcome(request) !== undefined, `request ${request} was never answered`);
    }
  }

  /** What may happen, and how often relative to the rest. Each run has its own mix: a calm network and wild disks, or the reverse. */
  #mix(): (() => void)[] {
    const { cluster } = this;
    const dice = this.#dice;
    const actions: [number, () => void][] = [
      [300, () => this.#deliverOne()],
      [60, () => dice.pick(cluster.nodes).finishDisk()],
      [50, () => dice.pick(cluster.nodes).finishApply()],
      [90, () => dice.pick(cluster.nodes).tick()],
      [60, () => this.#request()],
      [20, () => dice.pick(cluster.nodes).compact()],
      [5, () => this.#cut()],
      [2, () => cluster.network.heal()],
      [6, () => dice.pick(cluster.nodes).step({ type: "unreachable", peer: dice.pick(cluster.ids) })],
      [3, () => this.#crash(dice.pick(cluster.ids))],
      [12, () => this.#restart()],
      [2, () => this.#hint()],
      [2, () => this.#transfer()],
      [this.#changes ? 8 : 0, () => this.#change()],
    ];
    return actions.flatMap(([weight, act]) => {
      const times = Math.ceil(weight * dice.pick([0.4, 1, 2.5]));
      return Array.from({ length: times }, () => act);
    });
  }

  #restart(): void {
    for (const { id, isUp } of this.cluster.nodes) if (!isUp) this.cluster.restart(id);
  }

  #leaders(): NodeId[] {
    return this.cluster.nodes.filter((node) => node.isUp && node.state.role === "leader").map(({ id }) => id);
  }

  /** Whether it is true or not: a connection broke. */
  #hint(): void {
    const { ids, nodes } = this.cluster;
    this.#dice.pick(nodes).step({ type: "disconnected", peer: this.#dice.pick(ids) });
  }

  #transfer(): void {
    const { cluster } = this;
    const dice = this.#dice;
    const [leader] = this.#leaders();
    if (leader === undefined) return;
    this.#track(leader, cluster.transfer(leader, dice.oneIn(2) ? null : dice.pick(cluster.ids)));
  }

  /** One or two changes that may make sense or not. */
  #change(): void {
    const { cluster } = this;
    const dice = this.#dice;
    const leader = this.#leaders().at(-1);
    if (leader === undefined) return;
    const one = (): MemberChange => {
      const id = dice.pick(cluster.ids);
      const type = dice.pick(["addVoter", "addVoter", "addLearner", "promote", "demote", "remove"] as const);
      return type === "addVoter" || type === "addLearner"
        ? { type, id, address: `host-${id}` }
        : { type, id };
    };
    const changes = dice.oneIn(3) ? [one(), one()] : [one()];
    this.#track(leader, cluster.change(leader, changes, dice.oneIn(8) ? dice.roll(9) : null));
  }

  #switchOffOthers(): void {
    const { cluster } = this;
    const leader = cluster.leader();
    if (leader === undefined) return;
    const { configuration, index } = cluster.state(leader).configuration;
    // Only once it is certain: whoever is crossed out in an uncommitted configuration may still be needed.
    if (index > cluster.history.commitIndex || isJoint(configuration)) return;
    for (const { id, isUp } of cluster.nodes) {
      if (isUp && memberOf(configuration, id) === null) this.#crash(id);
    }
  }

  /** Any message on its way may be next; it may be lost, and it may come again. */
  #deliverOne(): void {
    const { network } = this.cluster;
    const dice = this.#dice;
    if (network.parcels.length === 0) return;
    // Mostly in order: otherwise hardly anything would ever be finished.
    const at = dice.oneIn(4) ? dice.roll(network.parcels.length) : 0;
    const [parcel] = dice.oneIn(20) ? network.parcels.slice(at, at + 1) : network.parcels.splice(at, 1);
    if (parcel !== undefined && !dice.oneIn(20)) this.cluster.node(parcel.message.to).receive(parcel);
  }

  #request(): void {
    const { cluster } = this;
    const dice = this.#dice;
    // Also of a leader that does not know yet that its time is over: there a read could be stale.
    const leaders = cluster.nodes.filter((node) => node.isUp && node.state.role === "leader");
    const to = dice.oneIn(5) ? dice.pick(cluster.nodes) : leaders[dice.roll(leaders.length)];
    if (to === undefined || !to.isUp) return;
    if (dice.oneIn(3)) this.#track(to.id, cluster.read(to.id));
    else this.#track(to.id, cluster.propose(to.id, `command ${(this.#proposals += 1)}`));
  }

  #track(id: NodeId, request: RequestId): RequestId {
    this.#open.set(request, id);
    return request;
  }

  /** Cuts one direction, a link, or a server; for a while. */
  #cut(): void {
    const dice = this.#dice;
    const [one, other] = [dice.pick(this.cluster.ids), dice.pick(this.cluster.ids)];
    const kind = dice.roll(3);
    if (kind === 0) this.cluster.block(({ from, to }) => from === one && to === other);
    else if (kind === 1)
      this.cluster.block(({ from, to }) => from + to === one + other && (from === one || to === one));
    else this.cluster.isolate(one);
  }

  #crash(id: NodeId): void {
    // Messages to and from it stay on their way: they may arrive in its next life.
    this.cluster.node(id).crash(this.#dice.roll(3));
    for (const [request, taker] of this.#open) if (taker === id) this.#open.delete(request);
  }

  #runUntil(ticks: number, complaint: string, done: () => boolean): void {
    for (let tick = 0; tick < ticks && !done(); tick += 1) this.cluster.run(1);
    assert(done(), `after ${ticks} ticks in peace: ${complaint}`);
  }

  /** A leader that has committed in its term and that all follow. */
  #settledLeader(): NodeId | undefined {
    const { cluster } = this;
    const id = cluster.leader();
    if (id === undefined) return undefined;
    const { term, configuration } = cluster.state(id);
    if (isJoint(configuration.configuration)) return undefined;
    const follow = this.#members(id).every(({ state }) => state.leaderId === id && state.term === term);
    return follow ? id : undefined;
  }

  #members(leader: NodeId): readonly Node[] {
    const { nodes } = this.cluster;
    const { configuration } = this.cluster.state(leader).configuration;
    return nodes.filter((node) => node.isUp && memberOf(configuration, node.id) !== null);
  }

  #isConverged(): boolean {
    const { history } = this.cluster;
    const leader = this.#settledLeader();
    if (leader === undefined) return false;
    const { members } = this.cluster.state(leader).configuration.configuration;
    if (members.some(({ standing }) => standing === "promotable")) return false;
    return this.#members(leader).every(
      ({ applied, state }) =>
        applied.length === history.commitIndex &&
        state.lastLogIndex === history.commitIndex &&
        state.stableIndex === history.commitIndex,
    );
  }
}
