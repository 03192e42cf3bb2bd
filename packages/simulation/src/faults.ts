import type { NodeId } from "@eraft/core";
import type { Action } from "./actions.ts";
import type { Cluster } from "./cluster.ts";
import type { Network } from "./network.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";

interface Surroundings {
  readonly later: (ms: number, fault: () => void) => void;
  readonly perform: (action: Action) => void;
  readonly crashed: (node: NodeId) => void;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly now: () => number;
}

/** What goes wrong with processes, clocks and links over time. */
export class Faults {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #stalledUntil: number[];
  readonly #rates: number[];
  readonly #dead = new Set<NodeId>();
  /** False once healed. */
  on = true;

  constructor(plan: Plan, around: Surroundings) {
    this.#plan = plan;
    this.#around = around;
    this.#random = new Random(plan.seed, "faults");
    this.#stalledUntil = plan.configs.map(() => 0);
    const { drift } = plan.process;
    this.#rates = plan.configs.map(() => 2 ** this.#random.between(-2 * drift, 2 * drift));
  }

  begin(): void {
    const { network, process, configs } = this.#plan;
    this.#repeatedly(network.partitionEveryMs, () => this.#partition());
    this.#repeatedly(network.clogEveryMs, () => {
      this.#around.network.clog(this.#around.now() + this.#random.exponential(network.clogForMs));
    });
    this.#repeatedly(process.crashEveryMs, () => this.#crash());
    this.#repeatedly(process.stallEveryMs, () => {
      const node = this.#random.integer(0, configs.length - 1);
      this.#stalledUntil[node] = this.#around.now() + this.#random.exponential(process.stallForMs);
    });
    if (process.deadDisks > 0 && configs.length >= 3) {
      this.#around.later(this.#random.exponential(10_000), () => this.#die());
    }
  }

  /** How much faster than the others this server's clock runs. */
  clockRate(node: NodeId): number {
    return this.#rates[node] ?? 1;
  }

  /** Until when this process is paused. */
  stalledUntil(node: NodeId): number {
    return this.#stalledUntil[node] ?? 0;
  }

  isDead(node: NodeId): boolean {
    return this.#dead.has(node);
  }

  heal(): void {
    this.on = false;
    const { tickMs, configs } = this.#plan;
    const timeoutMs =
      tickMs * Math.min(...configs.map(({ electionTimeoutTicksMin }) => electionTimeoutTicksMin));
    this.#around.network.heal(timeoutMs / 20);
    this.#stalledUntil.fill(0);
    for (const { id, isUp } of this.#around.cluster.nodes) {
      if (!isUp && !this.#dead.has(id)) this.#around.perform({ type: "restart", node: id });
    }
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
    this.#around.network.partition();
    this.#around.later(this.#random.exponential(this.#plan.network.partitionForMs), () =>
      this.#around.network.reconnect(),
    );
  }

  #crash(): void {
    const up = this.#around.cluster.nodes.filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    const { id } = this.#random.pick(up);
    this.#stop(id);
    const ms = this.#random.exponential(this.#plan.process.downForMs);
    this.#around.later(ms, () => {
      if (!this.#dead.has(id)) this.#around.perform({ type: "restart", node: id });
    });
  }

  /** A server whose disk is lost is not that server any more: it must not come back under the same name. */
  #die(): void {
    const { id } = this.#random.pick(this.#around.cluster.nodes);
    this.#dead.add(id);
    this.#stop(id);
  }

  #stop(node: NodeId): void {
    const keepsWrite = this.#random.chance(this.#plan.process.keepsWrite);
    this.#around.perform({ type: "crash", node, keepsWrite });
    this.#around.crashed(node);
  }
}
