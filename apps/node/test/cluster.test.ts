import { expect, onTestFinished, test } from "vitest";
import { runEraft } from "./support/process.ts";
import { runMain } from "./support/run-main.ts";
import { TestCluster, type TestClusterOptions } from "./support/test-cluster.ts";

async function startCluster(options?: TestClusterOptions): Promise<TestCluster> {
  const cluster = await TestCluster.start(options);
  onTestFinished(() => cluster.stop());
  return cluster;
}

const OK = { code: 0, stdout: "", stderr: "" };
const DONE = { code: 0, signal: null, stdout: "", stderr: "" };

test("three processes elect a leader and serve put, get, append and status", async () => {
  const cluster = await startCluster();
  const leader = await cluster.leader();
  expect(await cluster.eraft("put", "color", "blue")).toEqual(DONE);
  expect(await cluster.eraft("append", "color", ",green")).toEqual(DONE);
  expect(await cluster.eraft("get", "color")).toEqual({ ...DONE, stdout: "blue,green\n" });
  expect(await cluster.eraft("get", "colour")).toEqual({
    ...DONE,
    code: 3,
    stderr: 'eraft: no such key: "colour"\n',
  });

  await cluster.converged();
  const rows = await cluster.status();
  expect(rows.map((row) => row.address)).toEqual(cluster.addresses);
  expect(rows.map((row) => row.id)).toEqual([0, 1, 2]);
  expect(rows[leader]).toEqual({
    id: leader,
    address: cluster.addresses[leader],
    standing: "voter",
    state: "Leader",
    term: expect.any(Number),
    last_applied: expect.any(Number),
    commit_index: rows[leader]?.last_applied,
    storage_size: expect.any(Number),
  });
  const table = (await cluster.eraft("status")).stdout;
  expect(table).toMatch(/^ID {2}ADDRESS +STANDING +STATE +TERM +COMMIT +APPLIED +STORAGE$/m);
  expect(table).toContain(`replication from node ${leader}, the leader:`);
  expect(table.match(/ replicate /g)).toHaveLength(2);
});

test("values survive the command line as they are", async () => {
  const cluster = await startCluster({ nodes: 1 });
  for (const value of ["", "-1", "--json", "two words", "a\nb", "Grüße 🌍", '"quoted" \\n']) {
    expect(await cluster.run("put", "--", "k", value)).toEqual(OK);
    expect((await cluster.run("get", "k")).stdout).toBe(`${value}\n`);
  }
});

test("any one address is enough, whether that node leads or not, beside others where nobody is", async () => {
  const cluster = await startCluster();
  await cluster.leader();
  for (const address of cluster.addresses) {
    const some = ["--cluster", `127.0.0.1:1,${address}`];
    expect(await runMain("append", "k", "v", ...some)).toEqual(OK);
  }
  expect((await cluster.run("get", "k")).stdout).toBe("vvv\n");
});

test("the leader is killed: the others go on, and it catches up after its restart", async () => {
  const cluster = await startCluster();
  await cluster.run("put", "k", "1");
  const first = await cluster.leader();
  expect(await cluster.kill(first)).toMatchObject({ code: null, signal: "SIGKILL" });

  expect(await cluster.run("append", "k", "2")).toEqual(OK);
  const second = await cluster.leader();
  expect(second).not.toBe(first);
  expect((await cluster.status())[first]).toEqual({
    id: first,
    address: cluster.addresses[first],
    standing: "voter",
    state: "Offline",
  });
  expect((await cluster.run("status")).stdout).toContain(`node ${first} is offline: connection refused`);

  await cluster.restart(first);
  await cluster.converged();
  // It holds all of it: with the other follower gone it is needed for a majority.
  const third = [0, 1, 2].find((id) => id !== first && id !== second);
  await cluster.kill(third ?? -1);
  expect(await cluster.run("append", "k", "3")).toEqual(OK);
  expect((await cluster.run("get", "k")).stdout).toBe("123\n");
});

function read(consistency: string, ...more: readonly string[]): ReturnType<typeof runMain> {
  return runMain("get", "k", "--consistency", consistency, ...more);
}

test("a read may ask for less: by the leader's lease, or of one node that is left alone", async () => {
  const timers = ["--heartbeat-ms", "50", "--election-timeout-ms", "400"];
  const cluster = await startCluster({ flags: [...timers, "--max-clock-drift-percent", "5"] });
  await cluster.run("put", "k", "v");
  for (const address of cluster.addresses) {
    expect(await read("lease", "--cluster", address)).toEqual({ ...OK, stdout: "v\n" });
  }
  await cluster.converged();
  const [alone = ""] = cluster.addresses;
  for (const id of [1, 2]) await cluster.kill(id);
  expect(await read("stale", "--cluster", alone)).toEqual({ ...OK, stdout: "v\n" });
  expect((await read("linearizable", "--cluster", alone, "--timeout-ms", "1500")).code).toBe(1);
});

test("all nodes are killed at once: what was acknowledged is there after the restart", async () => {
  const cluster = await startCluster({
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400", "--snapshot-bytes", "2000"],
  });
  const client = cluster.client();
  let expected = "";
  for (let i = 0; i < 200; i += 1) {
    await client.append("k", `${i},`);
    expected += `${i},`;
  }
  await Promise.all(cluster.running.map((id) => cluster.kill(id)));
  await Promise.all(cluster.addresses.map((_, id) => cluster.restart(id)));
  expect(await client.get("k")).toBe(expected);
  const { stdout } = await runEraft(["wal", "dump", cluster.dataDir(0)]);
  expect(stdout).toMatch(/snapshot \d+ \(term \d+\), \d+ bytes, intact/);
  expect(stdout).toMatch(/^open restores: /m);
});

test("without a majority a write fails, and says what became of it and what to check", async () => {
  const cluster = await startCluster();
  const leader = await cluster.leader();
  for (const id of [0, 1, 2].filter((id) => id !== leader)) await cluster.kill(id);
  const { code, stdout, stderr } = await cluster.run("put", "k", "v", "--timeout-ms", "1500");
  expect(stderr).toMatch(
    /^eraft: no answer from the cluster, [^\n]+\n {2}check that a majority [^\n]+\n {2}[^\n]+\n$/,
  );
  expect(stderr).toContain("connection refused");
  // What comes first is a session for the write: without that nothing was done.
  expect(code).toBe(stderr.includes("may have been done") ? 4 : 1);
  expect(stdout).toBe("");
});
