import type { Measurement } from "../measurement.ts";
import { clusterSizes } from "./cluster-sizes.ts";
import { core } from "./core.ts";
import { embedded } from "./embedded.ts";
import { failover } from "./failover.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { puts } from "./puts.ts";
import { reads } from "./reads.ts";
import { snapshot } from "./snapshot.ts";
import { stream } from "./stream.ts";
import { startUp } from "./start-up.ts";
import { valueSizes } from "./value-sizes.ts";

/** In the order in which they run and are shown. */
export const MEASUREMENTS: readonly Measurement[] = [
  puts,
  latency,
  reads,
  failover,
  startUp,
  memory,
  growth,
  stream,
  embedded,
  core,
  clusterSizes,
  valueSizes,
  snapshot,
];
