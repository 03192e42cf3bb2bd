import { checkWritten, write } from "../load/writers.ts";
import type { Measurement } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { Cluster } from "../systems/cluster.ts";
import { VALUE_BYTES } from "./throughput.ts";

export const startUp: Measurement = {
  name: "start-up",
  summary:
    "time from the start of a node alone, whose log holds a million entries, to its first acknowledged put",
  needs: [],
  run: async (bench) => {
    const { startUpEntries: entries, keys } = bench.scale;
    const row = {
      id: "start-up",
      what: `start-up with ${entries.toLocaleString("en")} entries of 128 bytes`,
      unit: "ms",
      better: "less" as const,
    } as const;
    // One round fills both logs; then the starts take turns.
    const clusters: Cluster[] = [];
    try {
      for (const [position, system] of bench.systems.entries()) {
        const cluster = await Cluster.start(system, { nodes: 1, workDir: bench.workDir, keepsLog: true });
        clusters.push(cluster);
        const plan = { writes: entries, keys, valueBytes: VALUE_BYTES, width: 512 };
        const onProgress = (done: number): void =>
          bench.progress.at(
            (position + done / entries) / (bench.systems.length + 1),
            `${system.name}: filling the log`,
          );
        await write(cluster, await cluster.leader(), { ...plan, onProgress });
        await cluster.nodes[0]?.process.kill();
      }
      return await alternate(
        bench,
        [row],
        async (system) => {
          const cluster = clusters[bench.systems.indexOf(system)];
          const node = cluster?.nodes[0];
          if (cluster === undefined || node === undefined) throw new Error("a cluster has a node");
          const from = performance.now();
          node.restart();
          await cluster.ready();
          const took = performance.now() - from;
          const plan = { writes: entries, keys, valueBytes: VALUE_BYTES, width: 1 };
          await checkWritten(cluster, plan, 20);
          await node.process.kill();
          return { "start-up": took };
        },
        bench.scale.rounds,
      );
    } finally {
      for (const cluster of clusters) await cluster.stop();
    }
  },
};
