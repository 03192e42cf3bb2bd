import type { ChaosCluster } from "../chaos-cluster.ts";
import type { Random } from "../random.ts";

/** What a fault works with. */
export interface Scene {
  readonly cluster: ChaosCluster;
  readonly random: Random;
  /** Resolves when the fault has lasted long enough, or the run is over. */
  readonly hold: () => Promise<void>;
}

/** One kind of fault. */
export interface Fault {
  readonly kind: string;
  /** Why it cannot be had on this machine; null if it can. */
  readonly unavailable: string | null;
  /**
   * Does it to whom it likes, holds it, takes it back completely; resolves with how often it hit: 0 if nothing came of it. Rejects only if
   * the run cannot go on.
   */
  readonly strike: (scene: Scene) => Promise<number>;
}

/** Kinds that touch the network alone, and kinds that touch processes, disks and clocks alone: one of each may be under way at a time. */
export interface Faults {
  readonly network: readonly Fault[];
  readonly process: readonly Fault[];
}

/** How long a fault waits for what follows from it by itself, in milliseconds; far longer than it takes. */
export const PATIENCE_MS = 20_000;
