import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { LocalNode, freeAddresses, memberList, settled } from "./support/local-node.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

const LEVEL = ["--storage", "level"];

/** A node alone on LevelDB, with a value. */
async function alone() {
  const dir = join(await tempDir(), "node-0");
  const [address] = await freeAddresses(1);
  if (address === undefined) throw new Error("no address");
  const members = new Map([[0, address]]);
  const node = await LocalNode.start({
    id: 0,
    listen: address,
    beginning: { type: "found", members },
    dir,
    storage: "level",
  });
  await settled(node.address);
  await runMain("put", "k", "v", "--cluster", node.address);
  return { node, dir };
}

test("a directory goes on with the storage it was begun with, and another one is refused", async () => {
  const { node, dir } = await alone();
  await node.stop();
  const serve = ["serve", "--id", "0", "--cluster", "127.0.0.1:1", "--data-dir"];
  const refused = await runMain(...serve, dir);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain("was used with --storage level, and not with wal");
  const wal = join(dir, "..", "wal");
  const other = await LocalNode.start({ ...node.options, dir: wal, storage: "wal" });
  await other.stop();
  const also = await runMain(...serve, wal, "--storage", "level");
  expect(also.stderr).toContain("was used with --storage wal, and not with level");
  const dumped = await runMain("wal", "dump", dir);
  expect(dumped).toMatchObject({ code: 0 });
  expect(dumped.stdout).toMatch(/^identity {2}disk [0-9a-f]{32}, started 1 times, cluster /);
  expect(dumped.stdout).toMatch(/^open {2}would give \d entries after 0$/m);
  const again = await LocalNode.start(node.options);
  await again.followed();
  expect((await runMain("get", "k", "--cluster", again.address)).stdout).toBe("v\n");
});

test("a second node on the same database says that it is in use; another cluster's is refused", async () => {
  const { node, dir } = await alone();
  const serve = ["serve", "--id", "0", "--cluster", "127.0.0.1:1", "--data-dir", dir, ...LEVEL];
  expect((await runMain(...serve)).stderr).toContain(
    "is in use by another process: is this node running already?",
  );
  await node.stop();
  const other = await runMain(...serve, "--cluster-id", "elsewhere");
  expect(other.stderr).toMatch(/belongs to the cluster .* and --cluster-id says elsewhere/);
});

test("a node on LevelDB that starts again is the same disk to its cluster", async () => {
  const { node } = await alone();
  const before = await memberList(node.address);
  await node.stop();
  const again = await LocalNode.start(node.options);
  const after = await settled(again.address);
  expect(after.members[0]?.incarnation).toMatch(/^[0-9a-f]{32}$/);
  expect([after.cluster_id, after.members]).toEqual([before.cluster_id, before.members]);
});

test("a survivor on LevelDB is recovered into a new cluster", async () => {
  const { node, dir } = await alone();
  await node.stop();
  const peers = `0=${node.address}`;
  const done = await runMain("recover", "--data-dir", dir, "--id", "0", "--peers", peers, "--yes");
  expect(done.stdout).toContain(`--data-dir ${dir} --storage level`);
  expect(done.code).toBe(0);
  const again = await LocalNode.start(node.options);
  await eventually(async () => {
    const { cluster_id } = await memberList(again.address);
    expect(cluster_id).toMatch(/\/1$/);
  });
  expect((await runMain("get", "k", "--cluster", again.address)).stdout).toBe("v\n");
});
