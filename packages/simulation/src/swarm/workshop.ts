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
    const { tickMs, servers } = this.#around.plan;
    this.#around.later(
      servers.inStep ? tickMs : this.#random.between(0, tickMs),
      this.#ofThisLife(node, () => this.#tick(node)),
    );
  }

  /** Plans the end of what `node` has begun. */
  planWork(node: Node): void {
    const { id, disk } = node;
    const { writeMsMean, hang, hangMs, applyMsMean, compactAfterBytes } = this.#around.plan.disk;
    if (disk.isBusy && !this.#disks.has(node)) {
      this.#disks.add(node);
      const hangs = this.mayHang && this.#random.chance(hang);
      this.#whenDone(node, this.#random.exponential(writeMsMean) + (hangs ? hangMs : 0), () => {
        this.#disks.delete(node);
        this.#around.perform({ type: "disk", node: id });
      });
    }
    if (node.applying.length > 0 && !this.#machines.has(node)) {
      this.#machines.add(node);
      this.#whenDone(node, this.#random.exponential(applyMsMean), () => {
        this.#machines.delete(node);
        this.#around.perform({ type: "apply", node: id });
      });
    }
    if (node.compactableBytes >= compactAfterBytes && node.canCompact) {
      this.#whenDone(node, 0, () => this.#around.perform({ type: "compact", node: id }));
    }
  }

  #tick(node: Node): void {
    const { plan, stalls } = this.#around;
    // However many ticks are late, they count once.
    if (
      stalls.postpones(
        node.id,
        this.#ofThisLife(node, () => this.#tick(node)),
        true,
      )
    )
      return;
    this.#around.perform({ type: "tick", node: node.id });
    this.#around.later(
      plan.tickMs / this.#tickRate(node),
      this.#ofThisLife(node, () => this.#tick(node)),
    );
  }

  /** A process that stands still hears of what is done when it goes on. */
  #whenDone(node: Node, ms: number, what: () => void): void {
    const isDone = this.#ofThisLife(node, () => {
      if (!this.#around.stalls.postpones(node.id, isDone)) what();
    });
    this.#around.later(ms, isDone);
  }

  /** What a process has begun ends with it. */
  #ofThisLife(node: Node, what: () => void): () => void {
    const { life } = node;
    return () => {
      if (node.isUp && node.life === life) what();
    };
  }
}
