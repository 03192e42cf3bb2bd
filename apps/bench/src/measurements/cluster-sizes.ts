import type { Measurement, Row } from "../measurement.ts";
import { partOf } from "../rounds.ts";
import { VALUE_BYTES, throughput } from "./throughput.ts";

export const clusterSizes: Measurement = {
  name: "cluster-sizes",
  summary: "puts a second with one, three and five nodes",
  needs: ["h2load"],
  run: async (bench) => {
    const rows: Row[] = [];
    const sizes = bench.scale.clusterSizes;
    for (const [at, nodes] of sizes.entries()) {
      const part = partOf(bench, at, sizes.length);
      const row = { id: `puts-${nodes}-nodes`, what: `puts, ${nodes} ${nodes === 1 ? "node" : "nodes"}` };
      rows.push(
        ...(await throughput(part, {
          row,
          method: "put",
          nodes,
          valueBytes: VALUE_BYTES,
          rounds: Math.min(3, bench.scale.rounds),
        })),
      );
    }
    return rows;
  },
};
