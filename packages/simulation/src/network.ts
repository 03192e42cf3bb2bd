import type { NodeId } from "@eraft/core";
import type { NetworkPlan } from "./plan.ts";
import { Random } from "./random.ts";

/** When the copies of a message arrive; empty if it is lost. */
export type Arrivals = readonly number[];

/** The network of a simulated cluster: which messages arrive when, and how often. */
export class Network {
  readonly #plan: NetworkPlan;
  readonly #random: Random;
  readonly #size: number;
  readonly #cuts = new Set<string>();
  readonly #cloggedUntil = new Map<string, number>();
  #healed = false;
  #delayMsMax = Infinity;

  constructor(plan: NetworkPlan, seed: number, size: number) {
    this.#plan = plan;
    this.#random = new Random(seed, "network");
    this.#size = size;
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
    const lost = this.#cuts.has(`${from}>${to}`) || (!this.#healed && random.chance(loss));
    if (lost) return [];
    const free = Math.max(now, this.#cloggedUntil.get(`${from}>${to}`) ?? now);
    return Array.from({ length: copies }, () => free + this.#delay());
  }

  /** Whether the sender of a lost message is told. */
  tells(): boolean {
    return !this.#healed && this.#random.chance(this.#plan.hints);
  }

  /** Cuts links: a clean split, one server, a ring, or single links; possibly in one direction only. */
  partition(): void {
    const random = this.#random;
    this.#cuts.clear();
    const order = random.shuffle(Array.from({ length: this.#size }, (_, id) => id));
    const cutAt = random.integer(1, Math.max(1, this.#size - 1));
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
                ? otherAt - at !== 1 && otherAt - at !== this.#size - 1
                : random.chance(0.3);
        if (apart) this.#cut(one, other);
      });
    });
  }

  reconnect(): void {
    this.#cuts.clear();
  }

  clog(until: number): void {
    const from = this.#random.integer(0, this.#size - 1);
    const to = this.#random.integer(0, this.#size - 1);
    this.#cloggedUntil.set(`${from}>${to}`, until);
  }

  #cut(one: NodeId, other: NodeId): void {
    if (!this.#plan.oneWay) {
      this.#cuts.add(`${one}>${other}`).add(`${other}>${one}`);
    } else {
      this.#cuts.add(this.#random.chance(0.5) ? `${one}>${other}` : `${other}>${one}`);
    }
  }

  #delay(): number {
    const { delayMsMin, delayMsMean, tail, tailFactor } = this.#plan;
    const slow = !this.#healed && this.#random.chance(tail) ? tailFactor : 1;
    const minimum = Math.min(delayMsMin, this.#delayMsMax);
    return minimum + this.#random.exponential(Math.min(delayMsMean * slow, this.#delayMsMax));
  }
}
