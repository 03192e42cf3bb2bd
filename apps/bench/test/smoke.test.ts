// Every measurement, of eraft alone and for a moment: does it still work, and are the answers right? How fast it was is looked at by nobody.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { h2loadVersion } from "../src/load/h2load.ts";
import { checkWritten, write } from "../src/load/writers.ts";
import { keyAt, valueOf } from "../src/load/keys.ts";
import type { Bench } from "../src/measurement.ts";
import { MEASUREMENTS } from "../src/measurements/index.ts";
import { SMOKE } from "../src/scales.ts";
import { Cluster } from "../src/systems/cluster.ts";
import { eraft } from "../src/systems/eraft.ts";

const hasH2load = h2loadVersion() !== null;
const runnable = MEASUREMENTS.filter(({ needs }) => hasH2load || !needs.includes("h2load"));
let bench: Bench;

beforeAll(async () => {
  const workDir = await mkdtemp(join(tmpdir(), "eraft-bench-test-"));
  bench = { scale: SMOKE, systems: [eraft()], workDir, progress: { at: () => {} } };
});

afterAll(() => rmSync(bench.workDir, { recursive: true, force: true }));

test.each(runnable)("$name: answers are right, and there is a number for everything", async (measurement) => {
  const rows = await measurement.run(bench);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(row.eraft.length, row.id).toBeGreaterThan(0);
    expect(row.etcd, row.id).toBeNull();
  }
});

test("an acknowledged write that is not there is noticed", async () => {
  const cluster = await Cluster.start(eraft(), { nodes: 1, workDir: bench.workDir });
  try {
    const plan = { writes: 25, keys: 10, valueBytes: 32, width: 4 };
    const leader = await cluster.leader();
    await write(cluster, leader, plan);
    await checkWritten(cluster, plan);
    await cluster.put(leader, keyAt(7), valueOf(32, 7));
    await expect(checkWritten(cluster, plan)).rejects.toThrow(/acknowledged write 17 of key-000000000007/);
    await cluster.put(leader, keyAt(7), valueOf(32, 17));
    const more = { ...plan, keys: 25 };
    await expect(checkWritten(cluster, more)).rejects.toThrow(/acknowledged write \d+ of key/);
  } finally {
    await cluster.stop();
  }
});

test("a server that ends by itself is reported with what it said", async () => {
  const system = {
    ...eraft(),
    launch: () => ({ file: process.execPath, args: ["-e", "throw new Error('no disk')"] }),
  };
  const starting = Cluster.start(system, { nodes: 1, workDir: bench.workDir });
  await expect(starting).rejects.toThrow(/ended by itself: [^]*no disk/);
});
