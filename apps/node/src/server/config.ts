import type { Address } from "../cluster.ts";
import type { LogLevel } from "../logger.ts";

/** All that a server is told. Times in milliseconds. */
export interface ServeConfig {
  /** A position in `cluster`. */
  readonly id: number;
  readonly cluster: readonly Address[];
  readonly storage: { readonly type: "wal"; readonly dir: string } | { readonly type: "memory" };
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly snapshotBytes: number;
  readonly logLevel: LogLevel;
}
