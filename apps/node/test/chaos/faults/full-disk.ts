import type { ChaosCluster } from "../chaos-cluster.ts";
import type { Fault } from "./fault.ts";
import { comesToItsEnd, failedStorage } from "./own-end.ts";

/** The file system of a node is full. It has to end with exit code 1, and to start with all it promised once there is room. */
export function fullDisk({ smallDisks, whyNoSmallDisk }: ChaosCluster): Fault {
  return {
    kind: "full disk",
    unavailable: whyNoSmallDisk,
    strike: async ({ cluster, random, hold }) => {
      const [victim, disk] = random.pick([...smallDisks]);
      cluster.expectEnd(victim);
      await disk.fill(random.magnitude(1, 20_000));
      const ended = await comesToItsEnd(cluster, victim, failedStorage(/ENOSPC|No space left/));
      if (ended) await hold();
      await disk.makeRoom();
      await cluster.restart(victim);
      return ended ? 1 : 0;
    },
  };
}
