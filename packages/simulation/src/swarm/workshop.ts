import type { Node } from "../cluster/node.ts";
import { Random } from "../random.ts";
import type { Surroundings } from "./surroundings.ts";

/** What servers have under way besides talking: their timers, disk operations, batches being applied, snapshots. Plans when each is done. */
export class Workshop {
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #tickRate: (node: Node) => number;
  readonly #disks = new Set<Node>();
  readonly #machines = new Set<Node>();
  /** Whether operations of disks may hang. */
  mayHang = true;

  constructor(around: Surroundings, tickRate: (node: Node) => number) {
    this.#around = around;
    this.#tickRate = tickRate;
    this.#random = new Random(around.plan.seed, "disk");
  }

  started(node: Node): void {
    this.#disks.delete(node);
    this.#machines.delete(node);
    const { tickMs } = this.#around.plan;
    this.#inThisLife(node, this.#random.between(0, tickMs), () => this.#tick(node));
  }

  /** Plans the end of what `node` has begun. */
  planWork(node: Node): void {
    const { id, disk } = node;
    const { writeMsMean, hang, hangMs, applyMsMean, compactAfterBytes } = this.#around.plan.disk;
    if (disk.isBusy && !this.#disks.has(node)) {
      this.#disks.add(node);
      const hangs = this.mayHang && this.#random.chance(hang);
      this.#inThisLife(node, this.#random.exponential(writeMsMean) + (hangs ? hangMs : 0), () => {
        this.#disks.delete(node);
        this.#around.perform({ type: "disk", node: id });
      });
    }
    if (node.applying.length > 0 && !this.#machines.has(node)) {
      this.#machines.add(node);
      this.#inThisLife(node, this.#random.exponential(applyMsMean), () => {
        this.#machines.delete(node);
        this.#around.perform({ type: "apply", node: id });
      });
    }
    if (node.compactableBytes >= compactAfterBytes && node.canCompact) {
      this.#inThisLife(node, 0, () => this.#around.perform({ type: "compact", node: id }));
    }
  }

  #tick(node: Node): void {
    const { id } = node;
    const { now, plan } = this.#around;
    const stalledUntil = this.#around.stalledUntil(id);
    if (stalledUntil > now) {
      // Late ticks count once, and after the messages that came meanwhile: so does the runtime.
      this.#inThisLife(node, stalledUntil + 0.001 - now, () => this.#tick(node));
      return;
    }
    this.#around.perform({ type: "tick", node: id });
    this.#inThisLife(node, plan.tickMs / this.#tickRate(node), () => this.#tick(node));
  }

  /** What a process has begun ends with it. */
  #inThisLife(node: Node, ms: number, what: () => void): void {
    const { life } = node;
    this.#around.later(ms, () => {
      if (node.isUp && node.life === life) what();
    });
  }
}
