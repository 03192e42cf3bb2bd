import type { NodeId, Outcome } from "@eraft/core";
import type { Action, MessageId } from "./actions.ts";
import { Agenda } from "./agenda.ts";
import { Clients } from "./clients.ts";
import { Cluster } from "./cluster.ts";
import { Coverage } from "./coverage.ts";
import { Faults } from "./faults.ts";
import { Checker } from "./invariants/checker.ts";
import { Ledger } from "./ledger.ts";
import { mix } from "./machine.ts";
import { Network } from "./network.ts";
import type { Node } from "./node.ts";
import type { Plan } from "./plan.ts";
import { hashOf, Random } from "./random.ts";

/** What is planned to happen: an action, or something that decides on actions when its time comes. */
type Event =
  | { readonly type: "act"; readonly action: Action; readonly incarnation: number | null }
  | { readonly type: "arrive"; readonly message: MessageId; readonly to: NodeId; readonly last: boolean }
  | { readonly type: "tick"; readonly node: NodeId }
  | { readonly type: "call"; readonly client: number }
  | { readonly type: "giveUp"; readonly id: number }
  | { readonly type: "fault"; readonly fault: () => void };

export interface RunResult {
  readonly seed: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly writes: number;
  readonly reads: number;
  readonly unknown: number;
  /** Equal for two runs exactly if they went the same way. */
  readonly traceHash: number;
  readonly coverage: Coverage;
}

/** One run: `plan` decides the conditions, chance what happens under them, and everything is checked after every step. */
export class Simulation {
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly checker: Checker;
  readonly ledger: Ledger = new Ledger();
  readonly coverage: Coverage = new Coverage();
  readonly #clients: Clients;
  readonly #network: Network;
  readonly #faults: Faults;
  readonly #agenda = new Agenda<Event>();
  readonly #disk: Random;
  readonly #record: ((action: Action) => void) | null;
  /** The disk operation and the batch being applied that an event has been planned for, by server. */
  readonly #plannedDisk: boolean[];
  readonly #plannedApply: boolean[];
  #now = 0;
  #events = 0;
  #hash = 0;
  #messages = 0;

  constructor(plan: Plan, record: ((action: Action) => void) | null = null) {
    this.plan = plan;
    this.#record = record;
    const size = plan.configs.length;
    this.checker = new Checker(() => this.cluster.nodes);
    this.#plannedDisk = plan.configs.map(() => false);
    this.#plannedApply = plan.configs.map(() => false);
    this.cluster = new Cluster(plan.configs, {
      started: (node) => {
        this.#plannedDisk[node.id] = false;
        this.#plannedApply[node.id] = false;
        this.checker.started(node);
      },
      stepped: (node, ready) => this.checker.stepped(node, ready),
      sent: (node, message) => this.checker.sent(node, message),
    });
    this.#network = new Network(plan.network, plan.seed, size);
    this.#disk = new Random(plan.seed, "disk");
    this.#clients = new Clients(plan.workload, plan.seed, size);
    this.#faults = new Faults(plan, {
      later: (ms, fault) => this.#agenda.add(this.#now + ms, { type: "fault", fault }),
      perform: (action) => this.#perform(action),
      cluster: this.cluster,
      network: this.#network,
      now: () => this.#now,
      crashed: (node) => this.#ended(this.ledger.crashed(node)),
    });
    for (const { id } of plan.configs) this.#planTick(id);
    for (let client = 0; client < plan.workload.clients; client += 1) this.#planCall(client);
    this.#faults.begin();
  }

  get now(): number {
    return this.#now;
  }

  /** Messages sent so far. */
  get messages(): number {
    return this.#messages;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Runs `events` events, under faults. */
  runEvents(events: number): void {
    const end = this.#events + events;
    while (this.#events < end && this.#step());
  }

  /** Runs for `ms` of virtual time, or until `done`. True if `done` was reached. */
  runFor(ms: number, done: () => boolean): boolean {
    const end = this.#now + ms;
    while (this.#now < end) {
      if (done()) return true;
      if (!this.#step()) break;
    }
    return done();
  }

  /** Ends all faults but the dead disks, restarts what is down. */
  heal(): void {
    this.#faults.heal();
    this.#clients.beEager();
  }

  result(): RunResult {
    const { writes, reads, unknown } = this.ledger;
    return {
      seed: this.plan.seed,
      events: this.#events,
      simulatedMs: this.#now,
      writes,
      reads,
      unknown,
      traceHash: this.#hash,
      coverage: this.coverage,
    };
  }

  #step(): boolean {
    const next = this.#agenda.next();
    if (next === undefined) return false;
    this.#now = next.at;
    this.#events += 1;
    this.#happen(next.what);
    return true;
  }

  #happen(event: Event): void {
    switch (event.type) {
      case "act":
        return this.#act(event.action, event.incarnation);
      case "arrive":
        return this.#arrive(event.message, event.to, event.last);
      case "tick":
        return this.#tick(event.node);
      case "call":
        return this.#call(event.client);
      case "giveUp":
        return this.ledger.giveUp(event.id) ? this.#ended([event.id]) : undefined;
      case "fault":
        return event.fault();
    }
  }

  #act(action: Action, incarnation: number | null): void {
    // What a process had begun ends with it.
    if (
      "node" in action &&
      incarnation !== null &&
      this.cluster.node(action.node).incarnation !== incarnation
    )
      return;
    if (action.type === "disk") this.#plannedDisk[action.node] = false;
    if (action.type === "apply") this.#plannedApply[action.node] = false;
    this.#perform(action);
  }

  #arrive(message: MessageId, to: NodeId, last: boolean): void {
    const stalledUntil = this.#faults.stalledUntil(to);
    if (stalledUntil > this.#now) {
      this.#agenda.add(stalledUntil, { type: "arrive", message, to, last });
      return;
    }
    const isSnapshot = this.cluster.message(message)?.type === "installSnapshot";
    this.#perform({ type: "deliver", message });
    // The sender's call ends some time after the data arrived.
    if (isSnapshot && last) this.#snapshotCallEnds(message, this.cluster.node(to).isUp);
    else if (last) this.cluster.forget(message);
  }

  #snapshotCallEnds(message: MessageId, arrived: boolean): void {
    const action: Action = { type: "snapshotSent", message, arrived };
    this.#agenda.add(this.#now + 1 + this.#disk.exponential(20), { type: "act", action, incarnation: null });
  }

  #tick(node: NodeId): void {
    const stalledUntil = this.#faults.stalledUntil(node);
    if (stalledUntil > this.#now) {
      // Late ticks count once, and after the messages that came meanwhile: so does the runtime.
      this.#agenda.add(stalledUntil + 0.001, { type: "tick", node });
      return;
    }
    this.#perform({ type: "tick", node });
    this.#planTick(node);
  }

  #planTick(node: NodeId): void {
    this.#agenda.add(this.#now + this.plan.tickMs / this.#faults.clockRate(node), { type: "tick", node });
  }

  #planCall(client: number): void {
    this.#agenda.add(this.#now + this.#clients.thinkMs(), { type: "call", client });
  }

  #call(client: number): void {
    const { id, kind, node } = this.#clients.call(client);
    if (!this.cluster.node(node).isUp) {
      // The connection is refused.
      this.#ended([id]);
      return;
    }
    this.#agenda.add(this.#now + this.#clients.timeoutMs, { type: "giveUp", id });
    this.ledger.call(id, node);
    this.#perform({ type: kind === "write" ? "propose" : "read", node, id });
  }

  #ended(ids: readonly number[], outcome: Outcome | null = null): void {
    for (const id of ids) this.#planCall(this.#clients.ended(id, outcome));
  }

  #perform(action: Action): void {
    this.#record?.(action);
    const consequences = this.cluster.perform(action);
    const { node, sent, outcomes } = consequences;
    this.coverage.observe(action, consequences);
    for (const message of sent) this.#send(message);
    if (node === null) return;
    this.#hash = mix(mix(mix(this.#hash, hashOf(action.type)), Math.trunc(this.#now * 1000)), sent.length);
    this.#planWork(node);
    for (const outcome of outcomes) {
      if (this.ledger.outcome(outcome, node.machine.index)) this.#ended([outcome.id], outcome);
    }
    if (action.type !== "apply") return;
    for (const id of this.ledger.applied(node.id, node.machine.index)) {
      this.#planCall(this.#clients.ended(id, { type: "committed", id, index: node.machine.index }));
    }
  }

  #send(id: MessageId): void {
    const message = this.cluster.message(id);
    if (message === undefined) return;
    this.#messages += 1;
    const { from, to } = message;
    const arrivals = this.#network.send(from, to, this.#now);
    const last = Math.max(...arrivals);
    for (const at of arrivals) {
      this.#agenda.add(at, { type: "arrive", message: id, to, last: at === last });
    }
    if (arrivals.length > 0) return;
    if (message.type === "installSnapshot") this.#snapshotCallEnds(id, false);
    else this.cluster.forget(id);
    if (!this.#network.tells()) return;
    const { incarnation } = this.cluster.node(from);
    this.#agenda.add(this.#now + 1, {
      type: "act",
      action: { type: "unreachable", node: from, peer: to },
      incarnation,
    });
  }

  /** Plans the end of what `node` has begun. */
  #planWork(node: Node): void {
    const { id, incarnation, disk } = node;
    const { writeMsMean, hang, hangMs, applyMsMean } = this.plan.disk;
    if (disk.isBusy && this.#plannedDisk[id] === false) {
      this.#plannedDisk[id] = true;
      const ms =
        this.#disk.exponential(writeMsMean) + (this.#faults.on && this.#disk.chance(hang) ? hangMs : 0);
      this.#agenda.add(this.#now + ms, { type: "act", action: { type: "disk", node: id }, incarnation });
    }
    if (node.applying.length > 0 && this.#plannedApply[id] === false) {
      this.#plannedApply[id] = true;
      const ms = this.#disk.exponential(applyMsMean);
      this.#agenda.add(this.#now + ms, { type: "act", action: { type: "apply", node: id }, incarnation });
    }
    if (node.compactableBytes >= this.plan.disk.compactAfterBytes && node.canCompact) {
      this.#agenda.add(this.#now, { type: "act", action: { type: "compact", node: id }, incarnation });
    }
  }
}
