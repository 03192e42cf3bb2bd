import { load } from "../load/load.ts";
import type { Measurement } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { Cluster } from "../systems/cluster.ts";
import { CONNECTIONS, STREAMS, VALUE_BYTES } from "./throughput.ts";

/** So many are sent at a time on the way to the next size. */
const FILL_SECONDS = 10;

export const growth: Measurement = {
  name: "growth",
  summary: "what a put costs after many entries against after few, three nodes",
  needs: ["h2load"],
  run: (bench) => {
    const { growthEntries, keys, loadSeconds } = bench.scale;
    const { workDir } = bench;
    const last = growthEntries.at(-1) ?? 0;
    const perPut = growthEntries.map((entries) => ({
      id: `us-per-put-after-${entries}`,
      what: `time a put after ${entries.toLocaleString("en")} entries`,
      unit: "us",
      better: "less" as const,
    }));
    const ratio = {
      id: "growth",
      what: `cost of a put after ${last.toLocaleString("en")} entries against after ${growthEntries[0]?.toLocaleString("en")}`,
      unit: "x",
      better: "less" as const,
    };
    return alternate(
      bench,
      [...perPut, ratio],
      async (system, at) => {
        const cluster = await Cluster.start(system, { nodes: 3, workDir });
        const costs: number[] = [];
        try {
          const leader = await cluster.leader();
          const plan = {
            method: "put" as const,
            valueBytes: VALUE_BYTES,
            keys,
            workDir,
            connections: CONNECTIONS,
            streams: STREAMS,
          };
          for (const entries of growthEntries) {
            for (;;) {
              const missing = entries - Number((await cluster.state(leader)).writes);
              if (missing <= 0) break;
              at((entries - missing) / last, `${(entries - missing).toLocaleString("en")} entries`);
              // Half of it counts as warm-up; what is measured on the way is not used.
              const seconds = Math.min(FILL_SECONDS, missing / 10_000);
              await load(cluster, leader, { ...plan, warmUpSeconds: seconds / 2, seconds: seconds / 2 });
            }
            const { perSecond } = await load(cluster, leader, {
              ...plan,
              warmUpSeconds: loadSeconds / 4,
              seconds: loadSeconds,
            });
            costs.push(1e6 / perSecond);
          }
        } finally {
          await cluster.stop();
        }
        const each = growthEntries.map((entries, i) => [
          `us-per-put-after-${entries}`,
          costs[i] ?? Number.NaN,
        ]);
        return { ...Object.fromEntries(each), growth: (costs.at(-1) ?? 0) / (costs[0] ?? 1) };
      },
      1,
    );
  },
};
