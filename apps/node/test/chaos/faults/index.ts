import type { ChaosCluster } from "../chaos-cluster.ts";
import { whyNoTracer } from "../tracer.ts";
import { clockRate } from "./clock-rate.ts";
import { halfOpen, refuse, reset } from "./connections.ts";
import type { Faults } from "./fault.ts";
import { fullDisk } from "./full-disk.ts";
import { kill, killAll } from "./kills.ts";
import { oneWayCut, partition, ring } from "./partitions.ts";
import { pause } from "./pause.ts";
import { delay, drip } from "./slow-network.ts";
import { failedSync, killAtCall, slowSync } from "./system-calls.ts";

/** Everything that we can do to a cluster, and for what this machine does not let us do, why. */
export async function allFaults(cluster: ChaosCluster): Promise<Faults> {
  const noTracer = await whyNoTracer();
  return {
    network: [partition, oneWayCut, ring, delay, drip, reset, refuse, halfOpen],
    process: [
      kill,
      killAll,
      pause,
      fullDisk(cluster),
      failedSync(noTracer),
      slowSync(noTracer),
      killAtCall(noTracer),
      clockRate,
    ],
  };
}
