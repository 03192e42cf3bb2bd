import { type LoadPlan, type LoadResult, load } from "../load/load.ts";
import type { Bench, Measurement, Row } from "../measurement.ts";
import { type Numbers, type RowPlan, alternate, partOf } from "../rounds.ts";
import { median, quantile } from "../stats.ts";
import { Cluster } from "../systems/cluster.ts";
import type { KvSystem } from "../systems/system.ts";
import { CONNECTIONS, STREAMS, VALUE_BYTES } from "./throughput.ts";

const QUANTILES = [
  ["p50", 0.5],
  ["p99", 0.99],
  ["p99.9", 0.999],
] as const;

export const latency: Measurement = {
  name: "latency",
  summary: "put latency with one client, and with many at half of what the slower system can do",
  needs: ["h2load"],
  run: async (bench) => {
    const alone = await oneClient(partOf(bench, 0, 3));
    const most = await peaks(partOf(bench, 1, 3));
    const rate = Math.min(...most) / 2;
    return [...alone, ...(await halfLoad(partOf(bench, 2, 3), rate))];
  },
};

function rowsFor(id: string, what: string): RowPlan[] {
  return QUANTILES.map(([name]) => ({
    id: `${id}-${name}`,
    what: `${what}, ${name}`,
    unit: "ms",
    better: "less" as const,
  }));
}

function quantilesOf(id: string, { latenciesMs }: LoadResult): Numbers {
  return Object.fromEntries(QUANTILES.map(([name, q]) => [`${id}-${name}`, quantile(latenciesMs, q)]));
}

function oneClient(bench: Bench): Promise<Row[]> {
  return alternate(bench, rowsFor("latency-alone", "put latency, one client"), async (system, at) => {
    at(0, "one client");
    const warmUpSeconds = bench.scale.aloneWarmUpSeconds;
    const result = await measure(bench, system, {
      connections: 1,
      streams: 1,
      timesEach: true,
      warmUpSeconds,
    });
    return quantilesOf("latency-alone", result);
  });
}

/** What each system can do, in the median. */
async function peaks(bench: Bench): Promise<number[]> {
  const row = { id: "peak", what: "", unit: "/s", better: "more" } as const;
  const rounds = Math.min(3, bench.scale.rounds);
  const [peak] = await alternate(
    bench,
    [row],
    async (system, at) => {
      at(0, "how much it can do");
      return {
        peak: (await measure(bench, system, { connections: CONNECTIONS, streams: STREAMS })).perSecond,
      };
    },
    rounds,
  );
  return [peak?.eraft, peak?.etcd]
    .filter((numbers) => Array.isArray(numbers))
    .map((numbers) => median(numbers));
}

function halfLoad(bench: Bench, rate: number): Promise<Row[]> {
  const what = `put latency at ${Math.round(rate).toLocaleString("en")} puts/s`;
  return alternate(bench, rowsFor("latency-half", what), async (system, at) => {
    at(0, "half load");
    const load = { connections: CONNECTIONS, streams: STREAMS, ratePerSecond: rate, timesEach: true };
    return quantilesOf("latency-half", await measure(bench, system, load));
  });
}

async function measure(
  { scale, workDir }: Bench,
  system: KvSystem,
  plan: Pick<LoadPlan, "connections" | "streams" | "ratePerSecond" | "timesEach"> & Partial<LoadPlan>,
): Promise<LoadResult> {
  const cluster = await Cluster.start(system, { nodes: 3, workDir });
  try {
    return await load(cluster, await cluster.leader(), {
      method: "put",
      valueBytes: VALUE_BYTES,
      workDir,
      keys: scale.keys,
      warmUpSeconds: scale.warmUpSeconds,
      seconds: scale.loadSeconds,
      ...plan,
    });
  } finally {
    await cluster.stop();
  }
}
