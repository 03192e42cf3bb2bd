import { createClient } from "@connectrpc/connect";
import { AdminService } from "@eraft/proto/eraft/admin/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { readdirSync, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { TestCluster } from "./support/test-cluster.ts";

const clusters: TestCluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

async function startCluster(snapshotBytes: number): Promise<TestCluster> {
  const timers = ["--heartbeat-ms", "50", "--election-timeout-ms", "400"];
  const cluster = await TestCluster.start({ flags: [...timers, "--snapshot-bytes", String(snapshotBytes)] });
  clusters.push(cluster);
  return cluster;
}

function files(dir: string): { name: string; sizeBytes: number }[] {
  return readdirSync(dir).flatMap((name) => {
    const found = statSync(join(dir, name), { throwIfNoEntry: false });
    // Between the two calls it may have been removed: that is what is tested here.
    return found === undefined ? [] : [{ name, sizeBytes: found.blocks * 512 }];
  });
}

test("a follower that was away while the log was compacted catches up by InstallSnapshot", async () => {
  const cluster = await startCluster(20_000);
  const away = ((await cluster.leader()) + 1) % 3;
  const client = cluster.client();
  await client.put("early", "bird");
  await cluster.kill(away);
  // More than leaders keep for a follower that is behind, eight times as much as a snapshot makes superfluous.
  for (let at = 0; at < 240; at += 1) await client.put(`key-${at}`, "x".repeat(2000));
  const others = cluster.running.map((id) => files(cluster.dataDir(id)));
  for (const other of others) expect(other.some(({ name }) => name.endsWith(".snap"))).toBe(true);
  await cluster.restart(away);
  await cluster.converged();
  expect(cluster.process(away).stderr).toMatch(/Received a snapshot up to index/);
  // What it was sent is what it would have computed: it serves it when the others are gone.
  await cluster.kill(cluster.running.find((id) => id !== away) ?? 0);
  expect(await client.get("early")).toBe("bird");
  expect(await client.get("key-239")).toHaveLength(2000);
});

test("a node that is killed in the middle of writing a snapshot starts again", async () => {
  const cluster = await startCluster(12_000_000);
  const client = cluster.client();
  const victim = ((await cluster.leader()) + 1) % 3;
  const dir = cluster.dataDir(victim);
  const isWriting = (): boolean =>
    files(dir).some(({ name, sizeBytes }) => /^snapshot.*\.tmp$/.test(name) && sizeBytes > 0);
  const filling = (async () => {
    for (let at = 0; at < 60 && !isWriting(); at += 1) await client.put(`key-${at}`, "x".repeat(1_000_000));
  })();
  while (!isWriting()) await setImmediate();
  await cluster.kill(victim);
  expect(files(dir).some(({ name }) => /^snapshot.*\.tmp$/.test(name))).toBe(true);
  await filling;
  await cluster.restart(victim);
  await cluster.converged();
  await eventually(() => {
    const unfinished = files(dir).filter(({ name }) => name.endsWith(".tmp"));
    expect(unfinished).toEqual([]);
  });
  expect(await client.get("key-0")).toHaveLength(1_000_000);
});

test("20,000 puts leave a log that is bounded on disk and in memory", async () => {
  const snapshotBytes = 256 * 1024;
  const cluster = await startCluster(snapshotBytes);
  await cluster.leader();
  const client = cluster.client();
  const value = "v".repeat(100);
  let next = 0;
  const began = performance.now();
  const worker = async (): Promise<void> => {
    while (next < 20_000) {
      next += 1;
      await client.put(`key-${next % 500}`, value);
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  const seconds = (performance.now() - began) / 1000;
  await cluster.converged();
  const figures = await Promise.all(cluster.running.map((id) => figuresOf(cluster, id)));
  console.log(`20,000 puts in ${seconds.toFixed(1)} s`);
  console.table(figures);
  for (const { logInMemory, logOnDisk, snapshotOnDisk, logIndex } of figures) {
    expect(logIndex).toBeGreaterThanOrEqual(20_000);
    // Without compaction both would be above three megabytes.
    expect(logInMemory).toBeLessThan(3 * snapshotBytes);
    expect(logOnDisk).toBeLessThan(6 * snapshotBytes);
    // 500 values, and what watches may still ask for: no more than 20,000 changes of a key, a value and 32 bytes.
    expect(snapshotOnDisk).toBeLessThan(20_500 * 140);
  }
}, 180_000);

async function figuresOf(
  cluster: TestCluster,
  id: number,
): Promise<
  Record<"node" | "logIndex" | "snapshotIndex" | "logInMemory" | "logOnDisk" | "snapshotOnDisk", number>
> {
  const connection = nodePeerConnection(cluster.addresses[id] ?? "");
  try {
    const status = await createClient(AdminService, connection).getNodeStatus({});
    const stored = files(cluster.dataDir(id));
    const sizeOf = (isCounted: (name: string) => boolean): number =>
      stored.reduce((sum, { name, sizeBytes }) => sum + (isCounted(name) ? sizeBytes : 0), 0);
    return {
      node: id,
      logIndex: Number(status.lastLogIndex),
      snapshotIndex: Number(status.snapshotIndex),
      logInMemory: Number(status.logBytes),
      logOnDisk: sizeOf((name) => !name.endsWith(".snap")),
      snapshotOnDisk: sizeOf((name) => name.endsWith(".snap")),
    };
  } finally {
    connection.close();
  }
}
