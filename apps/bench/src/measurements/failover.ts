import { checkWritten, write } from "../load/writers.ts";
import type { Measurement } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { Cluster } from "../systems/cluster.ts";
import { VALUE_BYTES } from "./throughput.ts";

export const failover: Measurement = {
  name: "failover",
  summary: "time from kill -9 of the leader to the next acknowledged put, three nodes, timeouts as they come",
  needs: [],
  run: (bench) => {
    const row = {
      id: "failover",
      what: "from kill -9 of the leader to the next acknowledged put",
      unit: "ms",
      better: "less" as const,
    } as const;
    return alternate(bench, [row], async (system) => {
      const cluster = await Cluster.start(system, { nodes: 3, workDir: bench.workDir });
      try {
        const leader = await cluster.leader();
        const plan = { writes: bench.scale.keys, keys: bench.scale.keys, valueBytes: VALUE_BYTES, width: 64 };
        await write(cluster, leader, plan);
        // Before the first is killed, the connections to all are there.
        const others = cluster.nodes.filter((node) => node !== leader);
        await Promise.all(others.map((node) => cluster.state(node)));
        const from = performance.now();
        const gone = leader.process.kill();
        await cluster.ready(others);
        const took = performance.now() - from;
        await gone;
        await checkWritten(cluster, plan);
        return { failover: took };
      } finally {
        await cluster.stop();
      }
    });
  },
};
