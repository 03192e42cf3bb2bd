import type { NodeId } from "@eraft/core";
import type { Node } from "../cluster/node.ts";
import { Random } from "../random.ts";
import type { Surroundings } from "./surroundings.ts";

/** How long it takes to notice that a connection broke. */
const NOTICE_MS_MEAN = 5;

/** What goes wrong with processes, disks, clocks and links over time. */
export class Faults {
  readonly #around: Surroundings;
  readonly #random: Random;
  /** False once healed. */
  on = true;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#random = new Random(around.plan.seed, "faults");
  }

  begin(): void {
    const { network, process, servers } = this.#around.plan;
    this.#repeatedly(network.partitionEveryMs, () => this.#partition());
    this.#repeatedly(network.clogEveryMs, () => {
      const until = this.#around.now + this.#random.exponential(network.clogForMs);
      this.#around.network.clog(this.#around.fleet.known, until);
    });
    this.#repeatedly(process.crashEveryMs, () => this.#crashOne());
    this.#repeatedly(process.stallEveryMs, () => this.#stall());
    this.#repeatedly(process.wrongHintEveryMs, () => this.#hintWrongly());
    if (servers.identifies) this.#repeatedly(process.wipeEveryMs, () => this.#wipe());
    for (let at = 0; at < process.deadDisks; at += 1) {
      this.#around.later(this.#random.exponential(10_000), () => this.#die());
    }
  }

  /** How much faster than the others this server's timer runs. */
  tickRate(node: NodeId): number {
    return this.on ? (this.#around.plan.servers.clockRates[node] ?? 1) : 1;
  }

  /** Ends all faults but the dead disks, and starts whoever is down and wanted. */
  heal(): void {
    this.on = false;
    const { plan, fleet, cluster, network, stalls } = this.#around;
    const timeouts = plan.servers.configs.map(({ electionTimeoutTicksMin }) => electionTimeoutTicksMin);
    network.heal((plan.tickMs * Math.min(...timeouts)) / 20);
    // The last words of a server whose disk is dead would name that disk, however late, and a leader that knows none of it yet would write it down just
    // when nothing is to change any more.
    for (const { id } of cluster.nodes) if (fleet.isDead(id)) cluster.forgetFrom(id);
    stalls.endAll();
    for (const { id, life } of cluster.nodes) {
      if (life > 0 || fleet.isMember(id)) this.#restart(id);
    }
  }

  /** Crashes a server if it is up, and starts it again some time later. */
  crash(id: NodeId): void {
    const node = this.#around.cluster.node(id);
    if (!node.isUp) return;
    this.#crash(node);
    this.#restartLater(id);
  }

  #repeatedly(everyMs: number, fault: () => void): void {
    if (!Number.isFinite(everyMs)) return;
    this.#around.later(this.#random.exponential(everyMs), () => {
      if (!this.on) return;
      fault();
      this.#repeatedly(everyMs, fault);
    });
  }

  #partition(): void {
    const { network, fleet, plan } = this.#around;
    const { leader, known } = fleet;
    // A leader that goes on by itself is what most rules are about; the more so if its predecessor comes back just then.
    const isLeader = leader !== null && this.#random.chance(plan.process.cutsOffLeader);
    const reconnect = isLeader ? this.#cutOffLeader(leader.id) : network.partition(known);
    this.#around.later(this.#random.exponential(plan.network.partitionForMs), reconnect);
  }

  /** Alone, or with company that is no majority. */
  #cutOffLeader(leader: NodeId): () => void {
    const { network, fleet } = this.#around;
    const { known } = fleet;
    const others = this.#random.shuffle(known.filter((id) => id !== leader));
    const company = this.#random.chance(0.5)
      ? 0
      : this.#random.integer(0, Math.floor((known.length - 1) / 2) - 1);
    return network.isolate([leader, ...others.slice(0, Math.max(0, company))], known);
  }

  /** Half of the time whoever leads: that one has something to lose. */
  #stall(): void {
    const { fleet, plan, stalls } = this.#around;
    const { leader } = fleet;
    const id = leader !== null && this.#random.chance(0.5) ? leader.id : this.#random.pick(fleet.known);
    stalls.begin(id, this.#random.exponential(plan.process.stallForMs));
  }

  #crashOne(): void {
    const { up } = this.#around.fleet;
    if (up.length > 0) this.crash(this.#random.pick(up).id);
  }

  /** A server whose disk is lost for good must not come back under the same name. */
  #die(): void {
    const { fleet } = this.#around;
    const isPromotable = (id: NodeId): boolean =>
      fleet
        .configurations()
        .some(({ configuration }) =>
          configuration.members.some((member) => member.id === id && member.standing === "promotable"),
        );
    const mortal = this.#started().filter(({ id }) => fleet.canLose(id) && !isPromotable(id));
    if (!this.on || mortal.length === 0) return;
    const node = this.#random.pick(mortal);
    fleet.dies(node.id);
    this.#crash(node);
  }

  /** A disk is replaced by an empty one, and its server comes back with that. */
  #wipe(): void {
    const { fleet } = this.#around;
    const wipeable = this.#started().filter((node) => !fleet.isDead(node.id) && fleet.canBeWiped(node));
    if (wipeable.length === 0) return;
    const node = this.#random.pick(wipeable);
    this.#crash(node);
    this.#around.perform({ type: "wipe", node: node.id });
    this.#restartLater(node.id);
  }

  #started(): readonly Node[] {
    return this.#around.cluster.nodes.filter(({ life }) => life > 0);
  }

  #hintWrongly(): void {
    const { up, known } = this.#around.fleet;
    if (up.length === 0) return;
    const node = this.#random.pick(up).id;
    const peer = this.#random.pick(known);
    if (peer !== node) this.#around.perform({ type: "disconnected", node, peer });
  }

  #crash({ id, isUp }: Node): void {
    if (!isUp) return;
    const { fleet, plan } = this.#around;
    const keepsWrite = this.#random.chance(plan.process.keepsWrite);
    this.#around.perform({ type: "crash", node: id, keepsWrite });
    for (const witness of fleet.up) {
      if (!this.#random.chance(plan.process.brokenConnections)) continue;
      this.#around.later(this.#random.exponential(NOTICE_MS_MEAN), () =>
        this.#around.perform({ type: "disconnected", node: witness.id, peer: id }),
      );
    }
  }

  #restartLater(id: NodeId): void {
    const ms = this.#random.exponential(this.#around.plan.process.downForMs);
    this.#around.later(ms, () => this.#restart(id));
  }

  #restart(id: NodeId): void {
    const { fleet } = this.#around;
    if (!fleet.isDead(id) && !fleet.isRetired(id)) this.#around.perform({ type: "restart", node: id });
  }
}
