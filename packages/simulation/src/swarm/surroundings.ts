import type { NodeId } from "@eraft/core";
import type { Action } from "../cluster/actions.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Network } from "../network.ts";
import type { Coverage } from "./coverage.ts";
import type { Fleet } from "./fleet.ts";
import type { Plan } from "./plan.ts";
import type { Stalls } from "./stalls.ts";

/** What whoever decides something in a run may look at, and how it makes things happen. */
export interface Surroundings {
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly fleet: Fleet;
  readonly coverage: Coverage;
  readonly stalls: Stalls;
  /** Virtual milliseconds. */
  readonly now: number;
  later(ms: number, what: () => void): void;
  perform(action: Action): void;
  /** Crashes a server if it is up, and starts it again some time later. */
  crash(node: NodeId): void;
}
