import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clusterIdOf, isLaterEpoch, nextEpoch } from "../src/server/cluster-id.ts";
import { parsePeers } from "../src/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { LocalNode, found, freeAddresses, memberList, settled } from "./support/local-node.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

async function three(): Promise<{ readonly nodes: LocalNode[]; readonly dirOf: (id: number) => string }> {
  const dir = await tempDir();
  const dirOf = (id: number): string => join(dir, `node-${id}`);
  const nodes = await found(await freeAddresses(3), dirOf);
  await settled(nodes[0]?.address ?? "");
  return { nodes, dirOf };
}

/** Ends a node and takes its disk away. */
async function wipe(node: LocalNode | undefined): Promise<LocalNode> {
  if (node === undefined) throw new Error("there is no such node");
  await node.stop();
  await rm(node.options.dir ?? "", { recursive: true });
  return LocalNode.start(node.options);
}

/** What it has of `k`, whoever leads. */
async function staleValue(node: LocalNode | undefined): Promise<string> {
  return (await runMain("get", "k", "--consistency", "stale", "--cluster", node?.address ?? "")).stdout;
}

test("a node that comes back without its disk is told so, and gets data and vote back by itself", async () => {
  const { nodes } = await three();
  const contact = nodes[0]?.address ?? "";
  const before = await memberList(contact);
  await runMain("put", "k", "v", "--cluster", contact);
  const replaced = await wipe(nodes[2]);
  expect(replaced.started.reception.type).toBe("otherDisk");
  await eventually(async () => {
    const list = await memberList(contact);
    expect(list.settled).toBe(true);
    expect(list.members[2]).toMatchObject({ standing: "voter", incarnation: expect.any(String) });
    expect(list.members[2]?.incarnation).not.toBe(before.members[2]?.incarnation);
  });
  // Its vote counts: with one other it is a majority.
  await nodes[1]?.stop();
  expect((await runMain("get", "k", "--cluster", replaced.address)).stdout).toBe("v\n");
});

test("two empty disks of three do not found the cluster again, and serve nothing that was never there", async () => {
  const { nodes } = await three();
  const [, , last] = nodes;
  await runMain("put", "k", "v", "--cluster", last?.address ?? "");
  await eventually(async () => expect(await staleValue(last)).toBe("v\n"));
  await Promise.all(nodes.slice(0, 2).map((node) => node.stop()));
  const empty = await Promise.all(nodes.slice(0, 2).map((node) => wipe(node)));
  expect(empty.map(({ started }) => started.reception.type)).toEqual(["otherDisk", "otherDisk"]);
  // Long enough for several elections, had they been there for them.
  const { code } = await runMain(
    "put",
    "k",
    "w",
    "--cluster",
    empty[0]?.address ?? "",
    "--timeout-ms",
    "3000",
  );
  expect([1, 4]).toContain(code);
  for (const node of empty) expect((await memberList(node.address)).leader_id).toBeNull();
  expect(await staleValue(last)).toBe("v\n");
});

test("an older copy of a disk is refused, and says what to do", async () => {
  const { nodes, dirOf } = await three();
  const [, , third] = nodes;
  await third?.stop();
  await cp(dirOf(2), dirOf(9), { recursive: true });
  let again = await LocalNode.start(third?.options ?? ({} as LocalNode["options"]));
  await again.followed();
  again = await again.restart();
  await again.followed();
  await again.stop();
  const copy = await LocalNode.start({ ...again.options, dir: dirOf(9) });
  await eventually(() => {
    expect(copy.log).toMatch(/warn: Server \d does not talk to this server, whose disk is an older copy/);
    expect(copy.log).toContain("empty its data directory and start it again");
  });
});

test("a node of another cluster is refused, on both sides", async () => {
  const dir = await tempDir();
  const [one, two] = await freeAddresses(2);
  if (one === undefined || two === undefined) throw new Error("no addresses");
  const members = new Map([
    [0, one],
    [1, two],
  ]);
  const first = await LocalNode.start({
    id: 0,
    listen: one,
    beginning: { type: "found", members },
    dir: join(dir, "a"),
    clusterId: "a",
  });
  const second = await LocalNode.start({
    id: 1,
    listen: two,
    beginning: { type: "found", members },
    dir: join(dir, "b"),
    clusterId: "b",
  });
  await eventually(() => {
    expect(first.log + second.log).toMatch(/warn: Server \d belongs to another cluster/);
    expect(first.log + second.log).toMatch(
      /warn: Server \d does not talk to this server, which belongs to another cluster/,
    );
  });
  expect((await memberList(one.text)).leader_id).toBeNull();
});

test("a data directory belongs to one cluster for good, whatever the addresses become", async () => {
  const dir = join(await tempDir(), "data");
  const [one, two] = await freeAddresses(2);
  if (one === undefined || two === undefined) throw new Error("no addresses");
  const foundAt = (listen: typeof one) => ({ type: "found", members: new Map([[0, listen]]) }) as const;
  const node = await LocalNode.start({ id: 0, listen: one, beginning: foundAt(one), dir });
  const { cluster_id } = await settled(one.text);
  expect(cluster_id).toBe(clusterIdOf(new Map([[0, one]])));
  // Another list gives another name; the directory has its own already.
  const moved = await node.restart({ listen: two, beginning: foundAt(two) });
  expect((await settled(two.text)).cluster_id).toBe(cluster_id);
  await moved.stop();
  await expect(LocalNode.start({ ...moved.options, clusterId: "another" })).rejects.toThrow(
    `belongs to the cluster ${cluster_id}, and --cluster-id says another`,
  );
  await (await LocalNode.start({ ...moved.options, clusterId: cluster_id })).stop();
});

test("the name of a cluster is that of its first members, in whatever order and however they are given", () => {
  const id = clusterIdOf(parsePeers("0=a:1,1=b:1"));
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(clusterIdOf(parsePeers("1=B:1,0=a:1"))).toBe(id);
  for (const other of ["0=a:1", "0=a:1,2=b:1", "0=b:1,1=a:1", "0=a:1,1=b:2"]) {
    expect(clusterIdOf(parsePeers(other))).not.toBe(id);
  }
});

test("epochs of a name follow each other", () => {
  expect(nextEpoch("abc")).toBe("abc/1");
  expect(nextEpoch("abc/9")).toBe("abc/10");
  expect(isLaterEpoch("abc/1", "abc")).toBe(true);
  expect(isLaterEpoch("abc/10", "abc/9")).toBe(true);
  expect(isLaterEpoch("abc", "abc/1")).toBe(false);
  expect(isLaterEpoch("abc/1", "abc/1")).toBe(false);
  expect(isLaterEpoch("abd/1", "abc")).toBe(false);
});
