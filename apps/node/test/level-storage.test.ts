import { readdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "./support/test-cluster.ts";

const QUICK = ["--heartbeat-ms", "50", "--election-timeout-ms", "400", "--storage", "level"];

async function start(flags: readonly string[] = QUICK): Promise<TestCluster> {
  const cluster = await TestCluster.start({ flags });
  onTestFinished(() => cluster.stop());
  return cluster;
}

test("real processes on LevelDB: what was acknowledged is there after all of them were killed", async () => {
  const cluster = await start([...QUICK, "--snapshot-bytes", "2000"]);
  await cluster.leader();
  const client = cluster.client();
  const values = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(100, "x"));
  for (const value of values) await client.append("k", value);
  await Promise.all([0, 1, 2].map((id) => cluster.kill(id)));
  expect(await readdir(cluster.dataDir(0))).toEqual(["NODE_ID", "level"]);
  await Promise.all([0, 1, 2].map((id) => cluster.restart(id)));
  await cluster.leader();
  expect((await cluster.run("get", "k")).stdout).toBe(`${values.join("")}\n`);
}, 60_000);
