import { checkWritten, write } from "../load/writers.ts";
import type { Measurement } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { median } from "../stats.ts";
import { Cluster } from "../systems/cluster.ts";
import { VALUE_BYTES } from "./throughput.ts";

const BYTES_PER_MB = 1e6;

export const memory: Measurement = {
  name: "memory",
  summary: "resident memory of a node after a million puts over 100,000 keys, three nodes",
  needs: [],
  run: (bench) => {
    const { memoryWrites: writes, memoryKeys: keys } = bench.scale;
    const load = `${writes.toLocaleString("en")} puts over ${keys.toLocaleString("en")} keys`;
    const common = { unit: "MB", better: "less" } as const;
    const rows = [
      { id: "memory-leader", what: `resident memory of the leader after ${load}`, ...common },
      { id: "memory", what: `resident memory of a node after ${load}, median of three`, ...common },
    ];
    return alternate(
      bench,
      rows,
      async (system, at) => {
        const cluster = await Cluster.start(system, { nodes: 3, workDir: bench.workDir });
        try {
          const leader = await cluster.leader();
          const plan = { writes, keys, valueBytes: VALUE_BYTES, width: 512 };
          await write(cluster, leader, { ...plan, onProgress: (done) => at(done / writes) });
          const bytes = cluster.nodes.map((node) => node.process.residentBytes());
          const ofLeader = leader.process.residentBytes();
          await checkWritten(cluster, plan);
          return { "memory-leader": ofLeader / BYTES_PER_MB, memory: median(bytes) / BYTES_PER_MB };
        } finally {
          await cluster.stop();
        }
      },
      1,
    );
  },
};
