import type { Address } from "../cluster.ts";
import type { LogLevel } from "../logger.ts";
import type { DiskStorageType } from "./data-dir.ts";
import type { StateType } from "./state.ts";

/** All that a server is told. Times in milliseconds. */
export interface ServeConfig {
  readonly id: number;
  /** Where it listens; where others reach it is for the list of members to say. */
  readonly listen: Address;
  readonly beginning: Beginning;
  /** The addresses in `beginning` are those of now, whatever the log says: all nodes have moved. */
  readonly readdress: boolean;
  /** The cluster that this node is to belong to; null for the one that follows from `beginning`. */
  readonly clusterId: string | null;
  readonly storage: { readonly type: DiskStorageType; readonly dir: string } | { readonly type: "memory" };
  /** Where the keys and values are; with a storage in memory always there. */
  readonly state: StateType;
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly snapshotBytes: number;
  /** Null for no reads that rely on clocks. */
  readonly maxClockDriftPercent: number | null;
  readonly logLevel: LogLevel;
}

/** How a node comes to its cluster. Once its data says who the members are, that counts, and not this. */
export type Beginning =
  /** It is one of those that the cluster begins with, all of them voters. */
  | { readonly type: "found"; readonly members: ReadonlyMap<number, Address> }
  /** The cluster is there already; `contacts` are some of its nodes. */
  | { readonly type: "join"; readonly contacts: readonly Address[] };
