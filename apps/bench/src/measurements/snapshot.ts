import { setTimeout as sleep } from "node:timers/promises";
import { checkWritten, write } from "../load/writers.ts";
import { keyAt, valueOf } from "../load/keys.ts";
import type { Measurement } from "../measurement.ts";
import { alternate } from "../rounds.ts";
import { Cluster, type ClusterNode } from "../systems/cluster.ts";

const VALUE_BYTES = 1024;
const LIMIT_MS = 300_000;
/** Whoever lacks fewer gets those, and no snapshot: etcd keeps the last five thousand entries, eraft eight times what makes a snapshot due. */
const LEAST_WRITES = 12_000;

export const snapshot: Measurement = {
  name: "snapshot",
  summary: "time until a node that was away has the whole state by snapshot, three nodes",
  needs: [],
  run: (bench) => {
    const writes = Math.max(LEAST_WRITES, Math.ceil(bench.scale.snapshotBytes / VALUE_BYTES));
    const megabytes = (writes * VALUE_BYTES) / 1e6;
    const row = {
      id: "snapshot",
      what: `a node that was away has ${megabytes.toFixed(0)} MB of state`,
      unit: "ms",
      better: "less" as const,
    } as const;
    return alternate(
      bench,
      [row],
      async (system, at) => {
        const cluster = await Cluster.start(system, {
          nodes: 3,
          workDir: bench.workDir,
          compactsEarly: true,
        });
        try {
          const leader = await cluster.leader();
          const away = cluster.nodes.find((node) => node !== leader);
          if (away === undefined) throw new Error("three nodes have two that do not lead");
          await away.process.kill();
          const plan = { writes, keys: writes, valueBytes: VALUE_BYTES, width: 256 };
          const onProgress = (done: number): void => at((0.8 * done) / writes, "filling");
          await write(cluster, leader, { ...plan, onProgress });
          at(0.8, "catching up");
          const from = performance.now();
          away.restart();
          await hasWrite(cluster, away, writes - 1);
          const took = performance.now() - from;
          if (!system.snapshotTold.test(away.process.said())) {
            throw new Error(`${system.name}: a node that was away has caught up without a snapshot`);
          }
          await checkWritten(cluster, plan);
          return { snapshot: took };
        } finally {
          await cluster.stop();
        }
      },
      Math.min(3, bench.scale.rounds),
    );
  },
};

/** Resolves once the server has that write by itself. */
async function hasWrite(cluster: Cluster, node: ClusterNode, number: number): Promise<void> {
  const expected = valueOf(VALUE_BYTES, number);
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(10)) {
    node.process.check();
    const value = await cluster.staleGet(node, keyAt(number)).catch(() => null);
    if (value?.equals(expected) === true) return;
  }
  throw new Error(`${cluster.system.name}: a node that was away has not caught up in ${LIMIT_MS} ms`);
}
