import type { Fault, Scene } from "./fault.ts";

/** A fault that does something to the network, and nothing after it is healed. What was held back arrives late, or is lost. */
export function networkFault(kind: string, disturb: (scene: Scene) => number): Fault {
  return {
    kind,
    unavailable: null,
    strike: async (scene) => {
      const { cluster, random, hold } = scene;
      const late = random.pick(["arrives", "is lost"] as const);
      try {
        const count = disturb(scene);
        await hold();
        return count;
      } finally {
        cluster.network.heal(late);
      }
    },
  };
}
