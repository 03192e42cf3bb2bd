import type { NodeId, Outcome } from "@eraft/core";
import { Agenda } from "../agenda.ts";
import type { Action, ClientAction, Step } from "../cluster/actions.ts";
import { Cluster, type Consequences, type Witness } from "../cluster/cluster.ts";
import { mix } from "../cluster/machine.ts";
import { Checker } from "../invariants/checker.ts";
import { Network } from "../network.ts";
import { hashOf } from "../random.ts";
import { Clients } from "./clients.ts";
import { Courier } from "./courier.ts";
import { Coverage } from "./coverage.ts";
import { Faults } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { LeaseProbe } from "./lease-probe.ts";
import { Ledger } from "./ledger.ts";
import { Operators } from "./operators.ts";
import type { Plan } from "./plan.ts";
import { Sightings } from "./sightings.ts";
import { Stalls } from "./stalls.ts";
import type { Surroundings } from "./surroundings.ts";
import { Workshop } from "./workshop.ts";

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
export class Simulation implements Surroundings {
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly fleet: Fleet;
  readonly checker: Checker;
  readonly ledger: Ledger = new Ledger();
  readonly coverage: Coverage = new Coverage();
  readonly clients: Clients;
  readonly stalls: Stalls;
  readonly #faults: Faults;
  readonly #operators: Operators;
  readonly #courier: Courier;
  readonly #workshop: Workshop;
  readonly #probe: LeaseProbe | null;
  readonly #agenda = new Agenda<() => void>();
  readonly #record: ((step: Step) => void) | null;
  #now = 0;
  #events = 0;
  #hash = 0;

  constructor(plan: Plan, record: ((step: Step) => void) | null = null) {
    this.plan = plan;
    this.#record = record;
    this.network = new Network(plan.network, plan.seed);
    this.checker = new Checker(() => this.cluster.nodes);
    this.stalls = new Stalls(
      () => this.#now,
      (ms, what) => this.later(ms, what),
    );
    this.#faults = new Faults(this);
    this.#workshop = new Workshop(this, ({ id }) => this.#faults.tickRate(id));
    this.#courier = new Courier(this);
    this.#operators = new Operators(this);
    this.#probe = plan.servers.hasLeases ? new LeaseProbe(this) : null;
    const sightings = new Sightings(this.coverage, {
      nodes: () => this.cluster.nodes,
      members: () => this.checker.memberships.latest,
    });
    const { configs, identifies, clockRates } = plan.servers;
    this.cluster = new Cluster(configs, bothOf(this.checker, sightings, this.#workshop), {
      identifies,
      clockRate: (id) => clockRates[id] ?? 1,
    });
    this.fleet = new Fleet(this.cluster, this.checker);
    this.clients = new Clients(plan.workload, plan.seed, () => this.fleet.known);
    for (let client = 0; client < plan.workload.clients; client += 1) this.#planCall(client);
    this.#faults.begin();
    this.#operators.begin();
  }

  get now(): number {
    return this.#now;
  }

  crash(node: NodeId): void {
    this.#faults.crash(node);
  }

  later(ms: number, what: () => void): void {
    this.#agenda.add(this.#now + ms, what);
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

  /** Ends all faults but the dead disks, starts whoever is down and wanted; nobody changes anything any more. */
  heal(): void {
    this.#operators.heal();
    this.#faults.heal();
    this.#workshop.mayHang = false;
    this.clients.beEager();
  }

  /** Once more after healing, since changes that were under way have been finished. */
  tidyUp(): void {
    this.#operators.tidyUp();
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

  perform(action: Action): void {
    this.#record?.({ at: this.#now, action });
    this.#foresee(action);
    const before = this.cluster.unwelcome;
    const consequences = this.cluster.perform(action, this.#now);
    if (this.cluster.unwelcome > before) this.coverage.hit("unknownDiskIgnored");
    if (action.type === "crash") this.stalls.end(action.node);
    this.#follow(action, consequences);
  }

  #step(): boolean {
    const next = this.#agenda.next();
    if (next === undefined) return false;
    this.#now = next.at;
    this.#events += 1;
    next.what();
    return true;
  }

  /** What an action means for others than the server that acts. */
  #foresee(action: Action): void {
    switch (action.type) {
      case "crash": {
        if (!this.cluster.node(action.node).isUp) return;
        this.fleet.crashed(action.node);
        this.coverage.hit(action.keepsWrite ? "crashedKeepingWrite" : "crashedLosingWrite");
        return this.#ended(this.ledger.crashed(action.node));
      }
      case "wipe":
        return this.coverage.hit("diskWiped");
      case "disconnected": {
        const { node, peer } = action;
        const { isUp } = this.cluster.node(peer);
        const server = this.cluster.node(node);
        if (!server.isUp || server.state.leaderId !== peer) return;
        return this.coverage.hit(isUp ? "wrongHint" : "leaderCrashHinted");
      }
      case "tick":
      case "deliver":
      case "unreachable":
      case "snapshotSent":
      case "disk":
      case "apply":
      case "compact":
      case "restart":
      case "propose":
      case "read":
      case "change":
      case "transfer":
    }
  }

  #follow(action: Action, { node, sent, outcomes }: Consequences): void {
    for (const message of sent) this.#courier.send(message);
    if (node === null) return;
    this.#hash = mix(mix(mix(this.#hash, hashOf(action.type)), Math.trunc(this.#now * 1000)), sent.length);
    this.#workshop.planWork(node);
    this.#probe?.acted(node);
    for (const outcome of outcomes) {
      if (this.ledger.outcome(outcome, node.machine.index)) this.#ended([outcome.id], outcome);
      else this.#operators.answered(outcome);
    }
    if (action.type !== "apply") return;
    for (const id of this.ledger.applied(node.id, node.machine.index)) {
      this.#ended([id], { type: "committed", id, index: node.machine.index });
    }
  }

  #planCall(client: number): void {
    if (!this.clients.areContent) this.later(this.clients.thinkMs(), () => this.#call(client));
  }

  #call(client: number): void {
    const action = this.clients.call(client);
    const { id, node } = action;
    if (this.clients.areContent || !this.cluster.node(node).isUp) {
      // The connection is refused.
      this.#ended([id]);
      return;
    }
    this.ledger.call(id, node);
    this.later(this.clients.timeoutMs, () => {
      if (this.ledger.giveUp(id)) this.#ended([id]);
    });
    if (!this.stalls.postpones(node, () => this.#callAfterStall(action))) this.perform(action);
  }

  #callAfterStall(action: ClientAction): void {
    if (!this.ledger.isOpen(action.id)) return;
    this.perform(action);
    const { role } = this.cluster.node(action.node).state;
    const isLeaseRead = action.type === "read" && action.consistency === "lease" && role === "leader";
    if (isLeaseRead && this.ledger.isOpen(action.id)) this.coverage.hit("leaseReadRefusedAfterPause");
  }

  #ended(ids: readonly number[], outcome: Outcome | null = null): void {
    for (const id of ids) this.#planCall(this.clients.ended(id, outcome));
  }
}

/** Checks come first: what they find is worth more than what happened to be rare. */
function bothOf(checker: Checker, sightings: Sightings, workshop: Workshop): Witness {
  return {
    started: (node) => {
      workshop.started(node);
      checker.started(node);
      sightings.started(node);
    },
    asked: (node, request) => {
      checker.asked(node, request);
      sightings.asked(node, request);
    },
    stepped: (node, before, ready) => {
      checker.stepped(node, before, ready);
      sightings.stepped(node, before, ready);
    },
    sent: (node, message) => {
      checker.sent(node, message);
      sightings.sent(node, message);
    },
    crashed: (node) => checker.crashed(node),
  };
}
