import { PutStream, SESSION_WINDOW } from "../load/put-stream.ts";
import { checkWritten } from "../load/writers.ts";
import type { Bench, Measurement } from "../measurement.ts";
import { Cluster } from "../systems/cluster.ts";
import { VALUE_BYTES } from "./throughput.ts";

const NODES = 3;

export const stream: Measurement = {
  name: "stream",
  summary: "puts a second over one stream of one session, three nodes; etcd has no such thing",
  needs: [],
  run: async (bench) => {
    const perSecond: number[] = [];
    const cpuUs: number[] = [];
    for (let round = 0; round < bench.scale.rounds; round += 1) {
      bench.progress.at(round / bench.scale.rounds, `round ${round + 1} of ${bench.scale.rounds}`);
      const result = await once(bench);
      perSecond.push(result.perSecond);
      cpuUs.push(result.cpuUs);
    }
    const what = `puts over one session stream, ${SESSION_WINDOW.toLocaleString("en")} under way`;
    const cpu = { id: "stream-cpu", unit: "us", better: "less", eraft: cpuUs, etcd: null } as const;
    return [
      { id: "stream", what, unit: "/s", better: "more", eraft: perSecond, etcd: null },
      { ...cpu, what: "processor time of all three servers for each of them" },
    ];
  },
};

async function once({ scale, systems, workDir }: Bench): Promise<Record<"perSecond" | "cpuUs", number>> {
  const eraft = systems.find(({ name }) => name === "eraft");
  if (eraft === undefined) throw new Error("eraft is not among the systems");
  const cluster = await Cluster.start(eraft, { nodes: NODES, workDir });
  try {
    const { keys } = scale;
    const puts = await PutStream.open(await cluster.leader(), { keys, valueBytes: VALUE_BYTES });
    await puts.run(scale.warmUpSeconds);
    const cpuMsBefore = cluster.cpuMs();
    const { puts: count, seconds } = await puts.run(scale.loadSeconds);
    const cpuUs = ((cluster.cpuMs() - cpuMsBefore) * 1000) / count;
    await puts.close();
    await checkWritten(cluster, { writes: puts.acknowledged, keys, valueBytes: VALUE_BYTES, width: 1 });
    return { perSecond: count / seconds, cpuUs };
  } finally {
    await cluster.stop();
  }
}
