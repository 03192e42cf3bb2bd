/** What a row is to reach: against etcd in the same round, or by itself. */
export interface Goal {
  readonly of: "ratio" | "value";
  readonly goal: number;
  readonly stretch: number;
}

/** By the id of the row. What is better, more or less, the row says. */
export const GOALS: Readonly<Record<string, Goal>> = {
  puts: { of: "ratio", goal: 1.2, stretch: 2 },
  "latency-alone-p50": { of: "ratio", goal: 1, stretch: 0.6 },
  reads: { of: "ratio", goal: 3, stretch: 6 },
  failover: { of: "ratio", goal: 0.3, stretch: 0.15 },
  "start-up": { of: "ratio", goal: 1, stretch: 0.5 },
  memory: { of: "ratio", goal: 1, stretch: 0.6 },
  growth: { of: "value", goal: 1.1, stretch: 1 },
  stream: { of: "value", goal: 60_000, stretch: 120_000 },
  embedded: { of: "value", goal: 80_000, stretch: 200_000 },
  core: { of: "value", goal: 500_000, stretch: 2_000_000 },
};
