import type { NodeId } from "@eraft/core";
import type { NetworkPlan } from "./network-plan.ts";
import { Random } from "./random.ts";

/** When the copies of a message arrive; empty if it is lost. */
export type Arrivals = readonly number[];

/** One direction of a link, as one number. */
function linkOf(from: NodeId, to: NodeId): number {
  return from * 1024 + to;
}

/** The network of a simulated cluster: which messages arrive when, and how often. */
export class Network {
  readonly #plan: NetworkPlan;
  readonly #random: Random;
  readonly #cuts = new Set<number>();
  /** Counts what was cut: whoever cut something may undo it, unless something else has been cut since. */
  #generation = 0;
  readonly #cloggedUntil = new Map<number, number>();
  #healed = false;
  #delayMsMax = Infinity;

  constructor(plan: NetworkPlan, seed: number) {
    this.#plan = plan;
    this.#random = new Random(seed, "network");
  }

  /**
   * No more faults from now on, and messages no slower than `delayMsMax` on average: elections need a round trip well below the
   * election timeout (dissertation, 3.9, the timing requirement).
   */
  heal(delayMsMax: number): void {
    this.#healed = true;
    this.#delayMsMax = delayMsMax;
    this.#cuts.clear();
    this.#cloggedUntil.clear();
  }

  send(from: NodeId, to: NodeId, now: number): Arrivals {
    const { loss, duplication } = this.#plan;
    const random = this.#random;
    const copies = !this.#healed && random.chance(duplication) ? random.integer(2, 3) : 1;
    const link = linkOf(from, to);
    const lost = this.#cuts.has(link) || (!this.#healed && random.chance(loss));
    if (lost) return [];
    const free = Math.max(now, this.#cloggedUntil.get(link) ?? now);
    return Array.from({ length: copies }, () => free + this.#delay());
  }

  /** Whether the sender of a lost message is told. */
  tells(): boolean {
    return !this.#healed && this.#random.chance(this.#plan.hints);
  }

  /** Cuts links between `servers`: a clean split, one server, a ring, or single links; possibly in one direction only. Returns what undoes that. */
  partition(servers: readonly NodeId[]): () => void {
    const random = this.#random;
    this.#cuts.clear();
    const order = random.shuffle(servers);
    const size = order.length;
    const cutAt = random.integer(1, Math.max(1, size - 1));
    const shape = random.pick(["split", "isolate", "ring", "links"]);
    order.forEach((one, at) => {
      order.forEach((other, otherAt) => {
        if (otherAt <= at) return;
        const apart =
          shape === "split"
            ? at < cutAt !== otherAt < cutAt
            : shape === "isolate"
              ? at === 0
              : shape === "ring"
                ? otherAt - at !== 1 && otherAt - at !== size - 1
                : random.chance(0.3);
        if (apart) this.#cut(one, other);
      });
    });
    return this.#undo();
  }

  /** Cuts `some` off from the rest of `all`, both ways, and nobody else. Returns what undoes that. */
  isolate(some: readonly NodeId[], all: readonly NodeId[]): () => void {
    this.#cuts.clear();
    for (const one of some) {
      for (const other of all) {
        if (!some.includes(other)) this.#cuts.add(linkOf(one, other)).add(linkOf(other, one));
      }
    }
    return this.#undo();
  }

  /** Cuts one direction of one link. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(linkOf(from, to));
  }

  reconnect(): void {
    this.#cuts.clear();
  }

  #undo(): () => void {
    this.#generation += 1;
    const generation = this.#generation;
    return () => {
      if (generation === this.#generation) this.#cuts.clear();
    };
  }

  /** Nothing gets through from one of `servers` to another until then, and then all of it. */
  clog(servers: readonly NodeId[], until: number): void {
    const from = this.#random.pick(servers);
    this.#cloggedUntil.set(linkOf(from, this.#random.pick(servers)), until);
  }

  #cut(one: NodeId, other: NodeId): void {
    if (!this.#plan.oneWay) {
      this.#cuts.add(linkOf(one, other)).add(linkOf(other, one));
    } else {
      this.#cuts.add(this.#random.chance(0.5) ? linkOf(one, other) : linkOf(other, one));
    }
  }

  #delay(): number {
    const { delayMsMin, delayMsMean, tail, tailFactor } = this.#plan;
    const slow = !this.#healed && this.#random.chance(tail) ? tailFactor : 1;
    const minimum = Math.min(delayMsMin, this.#delayMsMax);
    return minimum + this.#random.exponential(Math.min(delayMsMean * slow, this.#delayMsMax));
  }
}
