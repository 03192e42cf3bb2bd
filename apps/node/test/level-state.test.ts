// Nodes whose keys and values are in a LevelDB database of their own.
import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LocalNode, freeAddresses, settled } from "./support/local-node.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

/** A node alone, with a value. */
async function alone(): Promise<{ readonly node: LocalNode; readonly dir: string }> {
  const dir = join(await tempDir(), "node-0");
  const [address] = await freeAddresses(1);
  if (address === undefined) throw new Error("no address");
  const members = new Map([[0, address]]);
  const beginning = { type: "found", members } as const;
  const node = await LocalNode.start({ id: 0, listen: address, beginning, dir, state: "level" });
  await settled(node.address);
  await put(node, "k", "v");
  return { node, dir };
}

async function put(node: LocalNode, key: string, value: string): Promise<void> {
  expect(await runMain("put", key, value, "--cluster", node.address)).toMatchObject({ code: 0 });
}

async function get(node: LocalNode, key: string): Promise<string> {
  await node.followed();
  return (await runMain("get", key, "--cluster", node.address)).stdout;
}

test("what was put is there after a restart, wherever the state is then, and as long as one likes", async () => {
  const { node } = await alone();
  const memory = await node.restart({ state: "memory" });
  expect(await get(memory, "k")).toBe("v\n");
  await put(memory, "k", "w");
  const level = await memory.restart({ state: "level" });
  expect(await get(level, "k")).toBe("w\n");
  const again = await level.restart();
  expect(await get(again, "k")).toBe("w\n");
});

test("a state that is gone is made anew; one that is damaged is refused until it is gone", async () => {
  const { node, dir } = await alone();
  await node.stop();
  const state = join(dir, "state");
  expect(await readdir(state)).toContain("CURRENT");
  await rm(state, { recursive: true });
  const anew = await LocalNode.start(node.options);
  expect(await get(anew, "k")).toBe("v\n");
  await anew.stop();
  await writeFile(join(state, "CURRENT"), "nonsense\n");
  await expect(LocalNode.start(node.options)).rejects.toThrow(state);
  await rm(state, { recursive: true });
  const healed = await LocalNode.start(node.options);
  expect(await get(healed, "k")).toBe("v\n");
});

test("the state of another node, or of another disk of this one, is refused", async () => {
  const { node, dir } = await alone();
  await node.stop();
  const other = join(dir, "..", "other");
  await cp(join(dir, "state"), join(other, "state"), { recursive: true });
  await expect(LocalNode.start({ ...node.options, dir: other })).rejects.toThrow(
    /the state belongs to "[0-9a-f]{32}"/,
  );
});
