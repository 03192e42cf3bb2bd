import type { Action } from "./actions.ts";
import type { Consequences } from "./cluster.ts";

/** Situations that a good run of the simulator must have met, and how often it did. */
const SITUATIONS = [
  "elected",
  "steppedDown",
  "truncated",
  "snapshotInstalled",
  "compacted",
  "crashedKeepingWrite",
  "crashedLosingWrite",
  "outcomeUnknown",
  "busy",
  "readServed",
  "refused",
  "snapshotRequested",
  "largeBatch",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class Coverage {
  readonly #counts = new Map<Situation, number>(SITUATIONS.map((situation) => [situation, 0]));

  hit(situation: Situation): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + 1);
  }

  add(other: Coverage): void {
    for (const [situation, count] of other.#counts) {
      this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + count);
    }
  }

  counts(): ReadonlyMap<Situation, number> {
    return this.#counts;
  }

  observe(action: Action, { outcomes, alerts, ready }: Consequences): void {
    if (action.type === "compact") this.hit("compacted");
    if (action.type === "crash") this.hit(action.keepsWrite ? "crashedKeepingWrite" : "crashedLosingWrite");
    for (const { type } of outcomes) {
      if (type === "unknown") this.hit("outcomeUnknown");
      if (type === "busy") this.hit("busy");
      if (type === "readable") this.hit("readServed");
    }
    if (alerts.length > 0) this.hit("refused");
    if (ready === null) return;
    if (ready.role?.role === "leader") this.hit("elected");
    if (ready.role?.role === "follower" && ready.role.leaderId === null) this.hit("steppedDown");
    if (ready.write !== null && ready.write.truncateFrom !== null) this.hit("truncated");
    if ((ready.write?.entries.length ?? 0) > 8) this.hit("largeBatch");
    if (ready.restore !== null) this.hit("snapshotInstalled");
    if (ready.snapshots.length > 0) this.hit("snapshotRequested");
  }
}
