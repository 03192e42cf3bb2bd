import { load } from "../load/load.ts";
import { write } from "../load/writers.ts";
import type { Bench, Row } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { Cluster } from "../systems/cluster.ts";

/** The load that most of the comparisons use. */
export const CONNECTIONS = 8;
export const STREAMS = 64;
export const VALUE_BYTES = 128;

export interface ThroughputPlan {
  readonly row: Pick<Row, "id" | "what">;
  readonly method: "put" | "get";
  readonly nodes: number;
  readonly valueBytes: number;
  /** Fewer for values that would not fit the memory of a load generator. */
  readonly connections?: number;
  readonly streams?: number;
  readonly rounds?: number;
}

/** Requests a second to the leader of a fresh cluster, by h2load. */
export async function throughput(bench: Bench, plan: ThroughputPlan): Promise<Row[]> {
  const { scale, workDir } = bench;
  const { method, nodes, valueBytes, connections = CONNECTIONS, streams = STREAMS } = plan;
  const row = { ...plan.row, unit: "/s", better: "more" } as const;
  const cpu = {
    id: `${row.id}-cpu`,
    what: `processor time of all nodes for each of: ${row.what}`,
    unit: "us",
    better: "less",
  } as const;
  return alternate(
    bench,
    [row, cpu],
    async (system, at) => {
      const cluster = await Cluster.start(system, { nodes, workDir });
      try {
        const leader = await cluster.leader();
        if (method === "get") {
          at(0.2, "filling");
          await write(cluster, leader, { writes: scale.keys, keys: scale.keys, valueBytes, width: 256 });
        }
        at(0.4, `${nodes} ${nodes === 1 ? "node" : "nodes"}`);
        const { perSecond, cpuUs } = await load(cluster, leader, {
          method,
          valueBytes,
          connections,
          streams,
          workDir,
          keys: scale.keys,
          warmUpSeconds: scale.warmUpSeconds,
          seconds: scale.loadSeconds,
        });
        return { [row.id]: perSecond, [cpu.id]: cpuUs };
      } finally {
        await cluster.stop();
      }
    },
    plan.rounds,
  );
}
