import { WalLockedError, openIdentity } from "@eraft/storage-wal";
import { createServer } from "node:net";
import { open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDataDir } from "../src/server/data-dir.ts";
import { eventually } from "./support/eventually.ts";
import { memberList, settled } from "./support/local-node.ts";
import { freePorts } from "./support/ports.ts";
import { EraftProcess, runEraft } from "./support/process.ts";
import { tempDir } from "./support/temp-dir.ts";
import { TestCluster } from "./support/test-cluster.ts";

async function startCluster(nodes: number): Promise<TestCluster> {
  const cluster = await TestCluster.start({ nodes });
  onTestFinished(() => cluster.stop());
  return cluster;
}

async function http(address: string | undefined, path: string, method = "GET"): Promise<[number, string]> {
  const response = await fetch(`http://${address}${path}`, { method });
  return [response.status, await response.text()];
}

test("a second process on the same data directory refuses, whatever its port", async () => {
  const cluster = await startCluster(1);
  const [port] = await freePorts(1);
  const dir = cluster.dataDir(0);
  const second = await runEraft(["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--data-dir", dir]);
  expect(second.stderr).toBe(
    `eraft: the data directory ${dir} is in use by another process: is this node running already?\n`,
  );
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect((await cluster.run("put", "k", "v")).code).toBe(0);
});

test("the data directory of another node is refused", async () => {
  const cluster = await startCluster(3);
  for (const id of [0, 1]) await cluster.kill(id);
  const args = cluster.serveArgs(1).map((arg) => (arg === cluster.dataDir(1) ? cluster.dataDir(0) : arg));
  expect(await runEraft(args)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: `eraft: the data directory ${cluster.dataDir(0)} belongs to node 0, and this is node 1\n`,
  });
  // Each with its own it goes on.
  for (const id of [0, 1]) await cluster.restart(id);
  await cluster.leader();
});

test("a killed process leaves no lock behind", async () => {
  const cluster = await startCluster(1);
  await cluster.kill(0);
  await cluster.restart(0);
  expect((await cluster.run("put", "k", "v")).code).toBe(0);
});

test("a port in use gives one line and touches no data", async () => {
  const dir = await tempDir();
  const [port = 0] = await freePorts(1);
  const other = createServer().listen(port, "127.0.0.1");
  onTestFinished(() => void other.close());
  const args = ["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--data-dir", join(dir, "data")];
  expect(await runEraft(args)).toEqual({
    code: 1,
    signal: null,
    stdout: "",
    stderr: `eraft: 127.0.0.1:${port} is in use already: is this node running already?\n`,
  });
  expect(await readdir(dir)).toEqual([]);
});

test("an address of another machine gives one line", async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
  const args = ["serve", "--id", "0", "--cluster", "192.0.2.1:5001", "--storage", "memory"];
  const { code, stderr } = await runEraft(args);
  expect(stderr).toMatch(/^eraft: 192\.0\.2\.1 is not an address of this machine[^\n]*\n$/);
  expect(code).toBe(1);
});

test("a data directory that is a file gives one line", async () => {
  const dir = await tempDir();
  const file = join(dir, "file");
  await writeFile(file, "");
  const [port] = await freePorts(1);
  const exit = await runEraft(["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--data-dir", file]);
  expect(exit.stderr).toMatch(/^eraft: [^\n]+\n$/);
  expect(exit.stderr).toContain(file);
  expect(exit).toMatchObject({ code: 1, stdout: "" });
});

test("a damaged log is refused in one line that says where", async () => {
  const cluster = await startCluster(1);
  for (const value of ["1", "2", "3"]) await cluster.run("append", "k", value);
  await cluster.kill(0, "SIGTERM");
  const name = (await readdir(cluster.dataDir(0))).find((name) => name.startsWith("wal-"));
  const file = await open(join(cluster.dataDir(0), name ?? ""), "r+");
  await file.write(Buffer.from([0xff]), 0, 1, 200);
  await file.close();
  const exit = await runEraft(cluster.serveArgs(0));
  expect(exit.stderr).toMatch(/^eraft: [^\n]+ is damaged at byte \d+[^\n]+\n$/);
  expect(exit).toMatchObject({ code: 1, stdout: "" });
});

test("a damaged identity is refused with an advice of its own, which is followed by a node that comes back", async () => {
  const cluster = await startCluster(3);
  const leader = await cluster.leader();
  const follower = (leader + 1) % 3;
  const contact = cluster.addresses[leader] ?? "";
  const before = (await settled(contact)).members[follower]?.incarnation;
  await cluster.kill(follower, "SIGTERM");
  const identity = join(cluster.dataDir(follower), "IDENTITY");
  await writeFile(identity, "damaged");
  const exit = await runEraft(cluster.serveArgs(follower));
  expect(exit.stderr).toMatch(/^eraft: [^\n]+IDENTITY is damaged at byte \d+[^\n]+\n$/);
  expect(exit.stderr).toContain("the log is not concerned");
  expect(exit.stderr).toContain("delete that file");
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  expect(await readFile(identity, "utf8")).toBe("damaged");

  await rm(identity);
  await cluster.restart(follower);
  await eventually(async () => {
    const member = (await memberList(contact)).members[follower];
    if (member?.standing === "voter" && member.incarnation !== before) return;
    throw new Error(JSON.stringify(member));
  });
});

test("a directory that another process has is refused, and nothing is left in it", async () => {
  const dir = join(await tempDir(), "data");
  // A server of another program, which says nowhere which node it is.
  const holder = await openIdentity(dir);
  const before = await readdir(dir);
  await expect(openDataDir(dir, 3, "wal")).rejects.toThrow(WalLockedError);
  expect(await readdir(dir)).toEqual(before);
  await holder.close();
  const taken = await openDataDir(dir, 3, "wal");
  await taken.identity.close();
  expect(await readFile(join(dir, "NODE_ID"), "utf8")).toBe("3\n");
  await expect(openDataDir(dir, 4, "wal")).rejects.toThrow("belongs to node 3, and this is node 4");
  const again = await openDataDir(dir, 3, "wal");
  expect(again.identity.starts).toBe(3);
  await again.identity.close();
});

test.each(["SIGTERM", "SIGINT"] as const)("%s stops a node cleanly, with exit code 0", async (signal) => {
  const cluster = await startCluster(3);
  const leader = await cluster.leader();
  const exit = await cluster.kill(leader, signal);
  expect(exit).toMatchObject({ code: 0, signal: null });
  expect(exit.stdout).toMatch(/^listening on 127\.0\.0\.1:\d+, [^\n]+\n$/);
  // Logs are one JSON object a line, and nothing else is on stderr.
  const records = exit.stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const record of records) {
    expect(record).toMatchObject({ time: expect.any(String), level: expect.any(String), node: leader });
  }
  expect(records.map(({ msg }) => msg)).toEqual(
    expect.arrayContaining([
      "Started.",
      expect.stringMatching(/^Now leader in term/),
      "Stopping.",
      "Stopped.",
    ]),
  );
});

test("a leader that is told to stop hands over first: when it is gone, another one leads", async () => {
  // Long enough for its absence to be seen, had it just gone.
  const timers = ["--heartbeat-ms", "100", "--election-timeout-ms", "2000"];
  const cluster = await TestCluster.start({ nodes: 3, flags: timers });
  onTestFinished(() => cluster.stop());
  const leader = await cluster.leader();
  const { code, stderr } = await cluster.kill(leader, "SIGTERM");
  const others = (await cluster.status()).filter(({ id }) => id !== leader);
  expect(others.map(({ state }) => state).toSorted()).toEqual(["Follower", "Leader"]);
  expect(stderr).toContain('"msg":"Handed the leadership over."');
  expect(code).toBe(0);
  // The last one does not wait for a successor that nobody could be.
  const last = others.find(({ state }) => state === "Leader")?.id ?? -1;
  const other = others.find(({ state }) => state === "Follower")?.id ?? -1;
  await cluster.kill(other);
  await eventually(() => expect(cluster.process(last).stderr).toContain(`Node ${other} is unreachable.`));
  expect((await cluster.kill(last, "SIGTERM")).stderr).not.toMatch(/Handed|without a successor/);
});

test("SIGTERM before it listens stops it cleanly, too", async () => {
  const dir = await tempDir();
  const [port] = await freePorts(1);
  const args = ["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--data-dir", dir];
  const node = new EraftProcess(args);
  // As early as there is anybody to hear it: the lock is taken right before the log is read.
  await eventually(async () => expect(await readdir(dir)).toContain("LOCK"));
  expect(await node.kill("SIGTERM")).toMatchObject({ code: 0, signal: null });
});

test("/healthz, /readyz and the page that names them", async () => {
  const cluster = await startCluster(3);
  const leader = await cluster.leader();
  const [follower = 0, other = 0] = [0, 1, 2].filter((id) => id !== leader);
  const address = cluster.addresses[follower];
  expect(await http(address, "/healthz")).toEqual([200, "ok\n"]);
  await eventually(async () => {
    const ready = `ready: node ${leader} at ${cluster.addresses[leader]} leads\n`;
    expect(await http(address, "/readyz")).toEqual([200, ready]);
  });
  expect(await http(cluster.addresses[leader], "/readyz")).toEqual([200, "ready: this node leads\n"]);
  expect((await http(address, "/"))[1]).toContain("/readyz");
  expect(await http(address, "/healthz", "HEAD")).toEqual([200, ""]);
  expect((await http(address, "/healthz", "POST"))[0]).toBe(405);
  expect((await http(address, "/nowhere"))[0]).toBe(404);

  // Alone it knows no leader, but it is up.
  await cluster.kill(leader);
  await cluster.kill(other);
  await eventually(async () => expect(await http(address, "/readyz")).toEqual([503, "no leader is known\n"]));
  expect(await http(address, "/healthz")).toEqual([200, "ok\n"]);
});

test("a peer that goes and comes is reported once each time", async () => {
  const cluster = await startCluster(3);
  const leader = await cluster.leader();
  const victim = (leader + 1) % 3;
  await cluster.kill(victim);
  const log = cluster.process(leader);
  await eventually(() => expect(log.stderr).toContain(`Node ${victim} is unreachable.`));
  await cluster.restart(victim);
  await eventually(() => expect(log.stderr).toContain(`Node ${victim} is reachable again.`));
  expect(log.stderr.match(/is unreachable/g)).toHaveLength(1);
});

test("a storage that fails while it serves ends the process, loudly", async () => {
  const cluster = await startCluster(1);
  const node = cluster.process(0);
  const client = cluster.client();
  const gone = new AbortController();
  void node.exited.then(() => gone.abort());
  // Its open files go on; but after 8 MiB the log needs another one, and there is no directory for it.
  await rm(cluster.dataDir(0), { recursive: true });
  const value = "x".repeat(1_000_000);
  const writing = (async () => {
    for (let i = 0; i < 12; i += 1) await client.put(`k${i}`, value, { signal: gone.signal });
  })();
  await expect(writing).rejects.toThrow(/it may have been done|it was not done/);
  const exit = await node.exited;
  expect(exit.code).toBe(1);
  expect(exit.stderr).toContain('"level":"error"');
  expect(exit.stderr).toMatch(/\neraft: The storage failed: [^\n]+\n$/);
  expect(exit.stderr).not.toContain("    at ");
});

test("memory storage needs no directory, and says what it is", async () => {
  const [port] = await freePorts(1);
  const node = new EraftProcess([
    "serve",
    "--id",
    "0",
    "--cluster",
    `127.0.0.1:${port}`,
    "--storage",
    "memory",
  ]);
  await node.says(/^listening on [^\n]+, data in memory$/m);
  const exit = await node.kill("SIGTERM");
  expect(exit.code).toBe(0);
  expect(exit.stderr).toContain("a restart forgets votes and log");
});
