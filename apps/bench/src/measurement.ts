import type { KvSystem } from "./systems/system.ts";

/** How much is done. */
export interface Scale {
  readonly name: "smoke" | "normal" | "full";
  /** How often each system is measured, alternating. */
  readonly rounds: number;
  /** How long each load lasts, about, and how long one before it that is not counted. */
  readonly loadSeconds: number;
  readonly warmUpSeconds: number;
  /** The same for one client, which brings in an hour what many bring in a minute. */
  readonly aloneWarmUpSeconds: number;
  readonly clusterSizes: readonly number[];
  readonly valueSizes: readonly number[];
  /** Keys that a load is spread over. A power of ten. */
  readonly keys: number;
  readonly startUpEntries: number;
  readonly snapshotBytes: number;
  readonly memoryWrites: number;
  readonly memoryKeys: number;
  /** Entries in the log when the cost of a write is measured. */
  readonly growthEntries: readonly number[];
}

/** What was measured for one line of a table, once a round. Of a round, both systems were measured right after each other. */
export interface Row {
  /** Names it in files, and finds its goal. */
  readonly id: string;
  readonly what: string;
  /** "/s", "ms", "MB", "x" or "MB/s". */
  readonly unit: string;
  readonly better: "more" | "less";
  readonly eraft: readonly number[];
  /** Null where there is nothing to compare with. */
  readonly etcd: readonly number[] | null;
}

export interface Progress {
  /** What is being done, and how much of the measurement is, from 0 to 1. */
  at(share: number, label: string): void;
}

export interface Bench {
  readonly scale: Scale;
  /** eraft, and etcd where it is installed. */
  readonly systems: readonly KvSystem[];
  /** A directory on the disk that is measured. */
  readonly workDir: string;
  readonly progress: Progress;
}

/** One question. Rejects when an answer was wrong, or when something acknowledged was not there; never because something was slow. */
export interface Measurement {
  readonly name: string;
  readonly summary: string;
  /** What it cannot do without. */
  readonly needs: readonly "h2load"[];
  run(bench: Bench): Promise<readonly Row[]>;
}
