import type { Entry, Message, NodeId, Outcome, RaftConfig } from "@eraft/core";
import type { Action, MessageId } from "../cluster/actions.ts";
import { Agenda } from "../agenda.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Checker } from "../invariants/checker.ts";
import { mix } from "../cluster/machine.ts";
import type { Node } from "../cluster/node.ts";
import { hashOf, Random } from "../random.ts";
import { LabNetwork, Links, type NetworkKind } from "./lab-network.ts";
import { isRequest, messageBytes } from "./message-size.ts";
import { after, type Work } from "./work.ts";

/** Length of a tick; a heartbeat is two, an election timeout 6 to 11. The labs allow 10 heartbeats a second and ask for a leader within 5 s. */
const TICK_MS = 50;
/** A clock runs up to this much faster or slower than time. More, and a slow leader's heartbeats would come too late for a fast follower. */
const DRIFT = 1.4;
/** How long the caller of a server that is cut off waits before it is told, at most: the labs' `LongDelays`. */
const UNREACHABLE_MS_MAX = 7000;
/** The same for a snapshot. There is one such call at a time, so a transport gives it up sooner; in the labs each waits in a thread of its own. */
const SNAPSHOT_CALL_MS_MAX = 500;
/** How long the caller waits where a message was lost on a link that works, at most. */
const LOSS_MS_MAX = 50;
/** Between the arrival of a snapshot and the end of the sender's call. */
const SNAPSHOT_ANSWER_MS = 10;

/** What runs on the servers, above their cores. */
export interface Application {
  /** `node` has started, with the state of its snapshot or none. */
  started(node: Node): Work;
  /** `entries` are to be applied; the core is told when that is done. */
  apply(node: Node, entries: readonly Entry[]): Work;
  /** A snapshot of `node`'s state as it is now is about to be stored. */
  snapshot(node: Node): Work;
  /** A snapshot that came from another server is now the state of `node`. */
  installed(node: Node): Work;
  outcome(node: Node, outcome: Outcome): Work;
}

export interface VirtualClusterOptions {
  readonly nodes: number;
  readonly network: NetworkKind;
  /** Asked of a server that could store a snapshot: whether it shall. */
  readonly compactWhen: (node: Node) => boolean;
  readonly application: Application;
}

/**
 * A cluster on virtual time whose faults are a script's: nothing fails unless it is told to, or the network is one that loses messages. Everything that
 * chance decides comes from the seed. All invariants are checked after every step.
 */
export class VirtualCluster {
  readonly checker: Checker;
  readonly cluster: Cluster;
  readonly links: Links;
  readonly network: LabNetwork;
  readonly #application: Application;
  readonly #compactWhen: (node: Node) => boolean;
  readonly #agenda = new Agenda<() => Work>();
  readonly #disk: Random;
  readonly #writeMsMean: number;
  readonly #applyMsMean: number;
  /** Whether callers are told that a message was lost: with connections they mostly are, and no progress may depend on it. */
  readonly #tellsOfLoss: boolean;
  /** Length of a tick by each server's clock. */
  readonly #tickMs: readonly number[];
  readonly #stalledUntil: number[];
  readonly #plannedDisk = new Set<Node>();
  readonly #plannedApply = new Set<Node>();
  #now = 0;
  #hash = 0;
  /** Requests sent between servers. */
  rpcCount = 0;
  /** Bytes of all messages between servers, snapshot data aside. */
  bytes = 0;
  /** Snapshots that servers received from others and installed. */
  installs = 0;

  constructor(seed: number, { nodes, network, compactWhen, application }: VirtualClusterOptions) {
    this.#application = application;
    this.#compactWhen = compactWhen;
    this.#disk = new Random(seed, "disk");
    this.#writeMsMean = this.#disk.pick([0.2, 1, 4]);
    this.#applyMsMean = this.#disk.pick([0.1, 2]);
    this.#tellsOfLoss = this.#disk.chance(0.5);
    const drift = this.#disk.chance(0.5) ? DRIFT : 1;
    this.#tickMs = Array.from({ length: nodes }, () => TICK_MS * drift ** this.#disk.between(-1, 1));
    this.#stalledUntil = Array.from({ length: nodes }, () => 0);
    this.network = new LabNetwork(network, seed, "network");
    this.links = new Links(nodes);
    this.checker = new Checker(() => this.cluster.nodes);
    this.cluster = new Cluster(configsOf(nodes, seed), this.checker);
    for (const { id } of this.cluster.nodes) this.#planTick(id, this.#disk.between(0, TICK_MS));
    for (const node of this.cluster.nodes) void application.started(node);
  }

  get now(): number {
    return this.#now;
  }

  /** Equal for two runs exactly if they went the same way. */
  get traceHash(): number {
    return this.#hash;
  }

  /** Lets the next thing happen, unless it is later than `until`; then it is `until`, and false is returned. */
  step(until: number): Promise<boolean> | boolean {
    if (this.#agenda.nextAt > until) {
      this.#now = until;
      return false;
    }
    const next = this.#agenda.next();
    if (next === undefined) throw new Error("nothing will ever happen again");
    this.#now = next.at;
    const work = next.what();
    return work === undefined ? true : work.then(() => true);
  }

  /** Plans `what` for `ms` from now. */
  later(ms: number, what: () => Work): void {
    this.#agenda.add(this.#now + ms, what);
  }

  /** Power is lost; a write under way has reached the disk or not. What was only in memory is gone. */
  crash(id: NodeId): void {
    const node = this.cluster.node(id);
    const keepsWrite = this.#disk.chance(0.5);
    this.#plannedDisk.delete(node);
    this.#plannedApply.delete(node);
    void this.perform({ type: "crash", node: id, keepsWrite });
  }

  /** For `ms` the process of `node` does nothing, as when the machine is overloaded or suspended. What arrives meanwhile waits. */
  stall(node: NodeId, ms: number): void {
    this.#stalledUntil[node] = Math.max(this.#stalledUntil[node] ?? 0, this.#now + ms);
  }

  /** For how long `node` will still do nothing. */
  stalledMs(node: NodeId): number {
    return Math.max(0, (this.#stalledUntil[node] ?? 0) - this.#now);
  }

  /** Starts a server that is down from what its disk has. */
  restart(id: NodeId): Work {
    const node = this.cluster.node(id);
    if (node.isUp) return undefined;
    return after(this.perform({ type: "restart", node: id }), () => this.#application.started(node));
  }

  /** Carries out `action` and plans what follows from it. */
  perform(action: Action): Work {
    const before = action.type === "disk" ? this.cluster.node(action.node).machine : null;
    const { node, sent, outcomes } = this.cluster.perform(action);
    for (const message of sent) this.#send(message);
    if (node === null) return undefined;
    this.#hash = mix(mix(mix(this.#hash, hashOf(action.type)), Math.trunc(this.#now * 1000)), sent.length);
    this.#planWork(node);
    // Before the outcomes: a read of a former leader may be released by the very snapshot that makes its state new enough.
    let work = before === null || before === node.machine ? undefined : this.#installed(node);
    for (const outcome of outcomes) {
      work = after(work, () => this.#application.outcome(node, outcome));
    }
    return work;
  }

  #planTick(node: NodeId, ms: number): void {
    this.later(ms, () => {
      // Late ticks count once, and after the messages that came meanwhile: so does the runtime.
      const stalledMs = this.stalledMs(node);
      this.#planTick(node, stalledMs > 0 ? stalledMs + 0.001 : (this.#tickMs[node] ?? TICK_MS));
      return stalledMs > 0 ? undefined : this.perform({ type: "tick", node });
    });
  }

  /** Plans the end of what `node` has begun. */
  #planWork(node: Node): void {
    const { disk, incarnation } = node;
    // What a process had begun ends with it.
    const whileAlive = (what: () => Work) => (): Work =>
      node.isUp && node.incarnation === incarnation ? what() : undefined;
    if (disk.isBusy && !this.#plannedDisk.has(node)) {
      this.#plannedDisk.add(node);
      this.later(
        this.#disk.exponential(this.#writeMsMean),
        whileAlive(() => this.#finishDisk(node)),
      );
    }
    if (node.applying.length > 0 && !this.#plannedApply.has(node)) {
      this.#plannedApply.add(node);
      this.later(
        this.#disk.exponential(this.#applyMsMean),
        whileAlive(() => this.#finishApply(node)),
      );
    }
    if (node.isUp && node.canCompact && this.#compactWhen(node)) {
      this.later(
        0,
        whileAlive(() => this.#compact(node)),
      );
    }
  }

  #finishDisk(node: Node): Work {
    this.#plannedDisk.delete(node);
    return this.perform({ type: "disk", node: node.id });
  }

  #installed(node: Node): Work {
    this.installs += 1;
    return this.#application.installed(node);
  }

  #finishApply(node: Node): Work {
    this.#plannedApply.delete(node);
    // The core hears of it last: reads that wait for these entries are answered from a state that has them.
    return after(this.#application.apply(node, node.applying), () =>
      this.perform({ type: "apply", node: node.id }),
    );
  }

  #compact(node: Node): Work {
    if (!node.canCompact || !this.#compactWhen(node)) return undefined;
    return after(this.#application.snapshot(node), () => this.perform({ type: "compact", node: node.id }));
  }

  #send(id: MessageId): void {
    const message = this.cluster.message(id);
    if (message === undefined) return;
    this.bytes += messageBytes(message);
    const request = isRequest(message);
    if (request) this.rpcCount += 1;
    const { from, to } = message;
    const delays = request ? this.network.request() : this.network.answer();
    if (delays.length === 0 || !this.links.reaches(from, to)) {
      this.#lost(id, message);
      return;
    }
    const last = Math.max(...delays);
    for (const ms of delays) this.later(ms, () => this.#arrive(id, message, ms === last));
  }

  #arrive(id: MessageId, message: Message, isLast: boolean): Work {
    const { from, to, type } = message;
    // A link that is cut loses what is on it.
    if (!this.links.reaches(from, to)) {
      if (isLast) this.#lost(id, message);
      return undefined;
    }
    const stalledMs = this.stalledMs(to);
    if (stalledMs > 0) {
      this.later(stalledMs, () => this.#arrive(id, message, isLast));
      return undefined;
    }
    const isUp = this.cluster.node(to).isUp;
    const work = this.perform({ type: "deliver", message: id });
    if (!isLast) return work;
    if (!isUp) this.#lost(id, message);
    else if (type === "installSnapshot") this.#snapshotCallEnds(id, SNAPSHOT_ANSWER_MS, true);
    else this.cluster.forget(id);
    return work;
  }

  /** Who made the call of which `message` is a part may be told that it failed, as the labs' callers are. */
  #lost(id: MessageId, message: Message): void {
    if (message.type === "installSnapshot") {
      this.#snapshotCallEnds(id, this.#disk.between(0, SNAPSHOT_CALL_MS_MAX), false);
      return;
    }
    this.cluster.forget(id);
    if (!this.#tellsOfLoss) return;
    const isCut = !this.links.reaches(message.from, message.to);
    const waitMs = this.#disk.between(0, isCut ? UNREACHABLE_MS_MAX : LOSS_MS_MAX);
    const [caller, peer] = isRequest(message) ? [message.from, message.to] : [message.to, message.from];
    const { incarnation } = this.cluster.node(caller);
    this.later(waitMs, () => {
      if (this.cluster.node(caller).incarnation !== incarnation) return undefined;
      return this.perform({ type: "unreachable", node: caller, peer });
    });
  }

  #snapshotCallEnds(message: MessageId, ms: number, arrived: boolean): void {
    this.later(ms, () => {
      const work = this.perform({ type: "snapshotSent", message, arrived });
      this.cluster.forget(message);
      return work;
    });
  }
}

function configsOf(size: number, seed: number): RaftConfig[] {
  const peers = Array.from({ length: size }, (_, id) => id);
  return peers.map((id) => ({
    id,
    peers,
    heartbeatTicks: 2,
    electionTimeoutTicksMin: 6,
    electionTimeoutTicksMax: 12,
    seed: seed * 64 + id,
    // As in the labs, a snapshot takes the log before it away at once: who is behind needs the snapshot.
    retainedBytes: 0,
  }));
}
