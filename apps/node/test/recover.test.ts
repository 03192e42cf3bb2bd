import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { survivorOf } from "../src/recover/survivor.ts";
import { planRecovery } from "../src/recover/plan.ts";
import { parsePeers } from "../src/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { LocalNode, found, freeAddresses, memberList, settled, standings } from "./support/local-node.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

function recover(
  dir: string,
  id: number,
  peers: string,
  ...more: readonly string[]
): ReturnType<typeof runMain> {
  return runMain("recover", "--data-dir", dir, "--id", String(id), "--peers", peers, ...more);
}

test("five nodes, three disks lost: what a survivor has goes on, and nobody of the old cluster comes back", async () => {
  const dir = await tempDir();
  const dirOf = (id: number): string => join(dir, `node-${id}`);
  const addresses = await freeAddresses(5);
  const nodes = await found(addresses, dirOf);
  const { cluster_id } = await settled(nodes[0]?.address ?? "");
  for (const key of ["a", "b", "c"])
    await runMain("put", key, `${key}!`, "--cluster", nodes[0]?.address ?? "");
  await eventually(async () => {
    const rows = JSON.parse(
      (await runMain("status", "--json", "--cluster", nodes[0]?.address ?? "")).stdout,
    ) as { commit_index: number }[];
    expect(new Set(rows.map((row) => row.commit_index)).size).toBe(1);
  });
  await Promise.all(nodes.map((node) => node.stop()));
  // The disks of 2 and 3 are gone for good; that of 4 turns up again later.
  await cp(dirOf(4), dirOf(40), { recursive: true });
  for (const id of [2, 3, 4]) await rm(dirOf(id), { recursive: true });

  const [zero, one] = addresses.map(({ text }) => text);
  const peers = `0=${zero},1=${one}`;
  const told = await recover(dirOf(0), 0, peers);
  expect(told).toMatchObject({ code: 1, stderr: "eraft: nothing was changed: --yes does it\n" });
  expect(told.stdout).toMatch(/^log +ends at entry \d+ of term \d+$/m);
  expect(told.stdout).toContain(`to become       cluster ${cluster_id}/1, members as of entry`);
  expect(told.stdout).toContain("LOST");
  // It was not: the node is what it was.
  const [first, second, , , fifth] = nodes;
  if (first === undefined || second === undefined || fifth === undefined) throw new Error("no nodes");
  const asBefore = await LocalNode.start(first.options);
  expect((await memberList(asBefore.address)).members).toHaveLength(5);
  // While it runs, its directory cannot be had.
  const busy = await recover(dirOf(0), 0, peers, "--yes");
  expect(busy.stderr).toContain("is in use by another process");
  await asBefore.stop();

  const done = await recover(dirOf(0), 0, peers, "--yes");
  expect(done.stdout).toContain(`Done. Start it: eraft serve --id 0 --peers 0=${zero}`);
  expect(done.code).toBe(0);
  // By its old command line: what the directory says counts.
  const recovered = await LocalNode.start(first.options);
  await eventually(async () => expect((await memberList(recovered.address)).leader_id).toBe(0));
  for (const key of ["a", "b", "c"]) {
    expect((await runMain("get", key, "--cluster", recovered.address)).stdout).toBe(`${key}!\n`);
  }
  expect(await runMain("put", "d", "d!", "--cluster", recovered.address)).toMatchObject({ code: 0 });

  // The other survivor with its old data, and a lost disk that turns up: both are told that the cluster went on without them.
  for (const options of [second.options, { ...fifth.options, dir: dirOf(40) }]) {
    await expect(LocalNode.start(options)).rejects.toThrow(
      `the cluster was recovered without this node, as ${cluster_id}/1`,
    );
  }
  // With an empty directory it is welcome, and becomes a voter by itself.
  const contacts = [first.options.listen];
  const rejoined = await LocalNode.start({
    id: 1,
    listen: addresses[1] ?? first.options.listen,
    beginning: { type: "join", contacts },
    dir: dirOf(10),
  });
  await eventually(async () => {
    const list = await memberList(rejoined.address);
    expect(list).toMatchObject({ cluster_id: `${cluster_id}/1`, settled: true });
    expect(standings(list)).toBe("0 voter, 1 voter");
  });
  const { stdout } = await runMain("get", "d", "--consistency", "stale", "--cluster", rejoined.address);
  expect(stdout).toBe("d!\n");
});

test("an old node that starts where nobody tells it is not talked to: what it says changes nothing", async () => {
  const dir = await tempDir();
  const dirOf = (id: number): string => join(dir, `node-${id}`);
  const addresses = await freeAddresses(3);
  const nodes = await found(addresses, dirOf);
  await settled(nodes[0]?.address ?? "");
  await runMain("put", "k", "v", "--cluster", nodes[0]?.address ?? "");
  const [first, second] = nodes;
  if (first === undefined || second === undefined) throw new Error("no nodes");
  await Promise.all(nodes.map((node) => node.stop()));
  // The old node is up first, and so asks nobody.
  const old = await LocalNode.start(second.options);
  await recover(dirOf(0), 0, `0=${first.address}`, "--yes");
  const recovered = await LocalNode.start(first.options);
  await eventually(() =>
    expect(old.log).toMatch(
      /does not talk to this server, which belongs to another cluster|Server 0 belongs to another cluster/,
    ),
  );
  await runMain("put", "k", "w", "--cluster", recovered.address);
  const { members, leader_id } = await memberList(recovered.address);
  expect({ leader_id, ids: members.map(({ id }) => id) }).toEqual({ leader_id: 0, ids: [0] });
});

test("recovered twice, the names go on", async () => {
  const dir = join(await tempDir(), "data");
  const [listen] = await freeAddresses(1);
  if (listen === undefined) throw new Error("no address");
  const node = await LocalNode.start({
    id: 3,
    listen,
    beginning: { type: "found", members: new Map([[3, listen]]) },
    dir,
  });
  const { cluster_id } = await settled(listen.text);
  await node.stop();
  for (const epoch of [1, 2]) {
    const { stdout } = await recover(dir, 3, `3=${listen.text}`, "--yes");
    expect(stdout).toContain(`cluster ${cluster_id}/${epoch}, members`);
  }
  const again = await LocalNode.start(node.options);
  expect((await settled(again.address)).cluster_id).toBe(`${cluster_id}/2`);
});

test.each<[string, readonly string[], number, string]>([
  [
    "no such directory",
    ["--data-dir", "/nowhere/at/all", "--id", "0", "--peers", "0=a:1"],
    1,
    "is not a directory",
  ],
  [
    "another id",
    ["--data-dir", "x", "--id", "2", "--peers", "0=a:1,1=b:1"],
    2,
    "--id 2: not in --peers, which has 0, 1",
  ],
  ["no directory", ["--id", "0", "--peers", "0=a:1"], 2, "--data-dir DIR is missing"],
  ["no nodes", ["--data-dir", "x", "--id", "0"], 2, "--peers 0=A,1=B is missing"],
])("%s: one line, and nothing done", async (_what, args, code, words) => {
  const exit = await runMain("recover", ...args);
  expect(exit.stderr).toMatch(/^eraft: [^\n]+\n$/);
  expect(exit.stderr).toContain(words);
  expect(exit).toMatchObject({ code, stdout: "" });
});

test("an empty directory, and that of another node, are nothing to recover from", async () => {
  const dir = await tempDir();
  expect((await recover(dir, 0, "0=a:1", "--yes")).stderr).toContain("the log is empty");
  expect((await recover(dir, 1, "1=a:1", "--yes")).stderr).toContain("belongs to node 0, and this is node 1");
});

test("the new term is above every term that the disk knows, and the new members follow all that it has", () => {
  const bytes = new Uint8Array([1]);
  const survivor = survivorOf(
    {
      hardState: { term: 9, votedFor: 4 },
      snapshot: { lastIncludedIndex: 5, lastIncludedTerm: 2 },
      entries: [
        { index: 6, term: 3, command: bytes },
        { index: 7, term: 4, command: bytes },
      ],
    },
    "c",
  );
  const peers = parsePeers("4=b:1,0=a:1");
  const plan = planRecovery(survivor, { id: 4, incarnation: "disk", peers });
  expect(plan).toMatchObject({
    clusterId: "c/1",
    hardState: { term: 10, votedFor: 4 },
    entry: { index: 8, term: 10 },
  });
  expect(plan.entry.configuration.members).toEqual([
    { id: 0, address: "a:1", standing: "promotable", incarnation: null },
    { id: 4, address: "b:1", standing: "voter", incarnation: "disk" },
  ]);
  // A disk whose log has nothing but a snapshot.
  const bare = survivorOf(
    {
      hardState: { term: 1, votedFor: null },
      snapshot: { lastIncludedIndex: 5, lastIncludedTerm: 2 },
      entries: [],
    },
    null,
  );
  expect(planRecovery(bare, { id: 4, incarnation: "disk", peers })).toMatchObject({
    clusterId: expect.stringMatching(/^[0-9a-f]{16}\/1$/),
    entry: { index: 6, term: 3 },
  });
});
