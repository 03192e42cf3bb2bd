import { setTimeout as after } from "node:timers/promises";
import type { ChaosCluster } from "./chaos-cluster.ts";
import type { Fault } from "./faults/fault.ts";
import type { Random } from "./random.ts";

export interface LaneOptions {
  readonly cluster: ChaosCluster;
  readonly random: Random;
  /** About how long a fault lasts, in milliseconds. */
  readonly holdMs: number;
  /** Ends the fault under way early, and then the lane. */
  readonly signal: AbortSignal;
}

/** A kind that did not hit in so many rounds will not: the run ends without it, and says so. */
const MAX_ROUNDS = 5;

/**
 * One fault after the other, with a rest between them. The kinds come in rounds, each kind once and in another order each time, so that all of
 * them come about equally often.
 */
export class Lane {
  readonly counts: Map<string, number>;
  readonly #faults: readonly Fault[];
  readonly #options: LaneOptions;
  #current: string | null = null;
  #rounds = 0;

  constructor(faults: readonly Fault[], options: LaneOptions) {
    this.#faults = faults.filter(({ unavailable }) => unavailable === null);
    this.#options = options;
    this.counts = new Map(this.#faults.map(({ kind }) => [kind, 0]));
  }

  /** What is under way, null while the lane rests. */
  get current(): string | null {
    return this.#current;
  }

  /** Whether every kind has hit at least once, or had its chances. */
  get isComplete(): boolean {
    return this.#rounds >= MAX_ROUNDS || [...this.counts.values()].every((count) => count > 0);
  }

  /** Resolves after the signal, once everything is taken back. Rejects if a fault could not be taken back. */
  async run(): Promise<void> {
    const { cluster, random, holdMs, signal } = this.#options;
    const rest = async (ms: number): Promise<void> => after(ms, undefined, { signal }).catch(() => {});
    while (!signal.aborted && this.#faults.length > 0) {
      for (const { kind, strike } of random.shuffled(this.#faults)) {
        if (signal.aborted) break;
        const lasting = random.magnitude(holdMs / 3, holdMs * 3);
        this.#current = kind;
        const count = await strike({ cluster, random, hold: () => rest(lasting) });
        this.#current = null;
        this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
        await rest(random.magnitude(holdMs / 4, holdMs * 1.5));
      }
      this.#rounds += 1;
    }
  }
}
