import { expect, test } from "vitest";
import { BTree } from "../src/state/b-tree.ts";
import { MAX_ENTRIES, MIN_ENTRIES, type TreeNode } from "../src/state/tree-node.ts";
import type { TreeView } from "../src/state/b-tree.ts";
import { seeded } from "./support/commands.ts";

type Entry = readonly [string, { readonly value: number }];

/** What a tree has to be like, as a sorted array. */
class Model {
  entries: Entry[] = [];

  set(key: string, value: { readonly value: number }): void {
    const at = this.entries.findIndex(([other]) => other >= key);
    if (at === -1) this.entries.push([key, value]);
    else this.entries.splice(at, this.entries[at]?.[0] === key ? 1 : 0, [key, value]);
  }

  delete(key: string): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter(([other]) => other !== key);
    return this.entries.length < before;
  }
}

function ascending(view: TreeView<{ readonly value: number }>, from = ""): Entry[] {
  const entries: Entry[] = [];
  for (const cursor = view.seek(from); cursor.key !== undefined; cursor.next()) {
    entries.push([cursor.key, cursor.value!]);
  }
  return entries;
}

function descending(view: TreeView<{ readonly value: number }>, end?: string): Entry[] {
  const entries: Entry[] = [];
  for (const cursor = view.seekBelow(end); cursor.key !== undefined; cursor.previous()) {
    entries.push([cursor.key, cursor.value!]);
  }
  return entries;
}

/** All leaves are equally deep, no node is empty or too large, and keys part what they have to part. */
function checkShape(node: TreeNode<object>, low: string, high: string | null, isRoot = true): number {
  const inside = (key: string): boolean => key >= low && (high === null || key < high);
  const { length } = node.keys;
  must(node.keys.every(inside), "a key is where it does not belong");
  must(
    node.keys.every((key, i) => i === 0 || key > (node.keys[i - 1] ?? "")),
    "keys are not in order",
  );
  if (node.isLeaf) {
    must(node.values.length === length && length <= MAX_ENTRIES, `a leaf has ${length} keys`);
    must(isRoot || length > 0, "a leaf is empty");
    return 1;
  }
  must(node.children.length === length + 1, `a branch has ${length} keys`);
  must(length > 0 && node.children.length <= MAX_ENTRIES, `a branch has ${length + 1} children`);
  const depths = node.children.map((child, i) =>
    checkShape(child, i === 0 ? low : (node.keys[i - 1] ?? low), node.keys[i] ?? high, false),
  );
  must(new Set(depths).size === 1, "leaves are not equally deep");
  return (depths[0] ?? 0) + 1;
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function leavesOf(node: TreeNode<object>): number[] {
  return node.isLeaf ? [node.keys.length] : node.children.flatMap(leavesOf);
}

test("whatever is set and deleted, it is what a sorted array would be, and so is every view of it", () => {
  const random = seeded(7);
  for (const { keys, steps, deletes } of [
    { keys: 40, steps: 2000, deletes: 0.5 },
    { keys: 3000, steps: 6000, deletes: 0.3 },
    { keys: 3000, steps: 6000, deletes: 0.7 },
  ]) {
    const tree = new BTree<{ readonly value: number }>();
    const model = new Model();
    const views: { readonly view: TreeView<{ readonly value: number }>; readonly entries: Entry[] }[] = [];
    for (let step = 0; step < steps; step++) {
      const key = `\u00ff${Math.floor(random() * keys)}`.slice(Math.floor(random() * 2));
      // Mostly what is written has been read before, sometimes something else.
      if (random() < 0.7) tree.get(random() < 0.7 ? key : `${Math.floor(random() * keys)}`);
      // First it grows, so that there is something to take away.
      if (step > steps / 3 && random() < deletes)
        must(tree.delete(key) === model.delete(key), `delete ${key}`);
      else {
        const value = { value: step };
        tree.set(key, value);
        model.set(key, value);
      }
      if (step % 499 === 0) views.push({ view: tree.view(), entries: [...model.entries] });
      if (step % 97 !== 0) continue;
      checkShape(tree.root, "", null);
      expect(tree.size).toBe(model.entries.length);
      expect(ascending(tree)).toStrictEqual(model.entries);
    }
    for (const { view, entries } of views) {
      expect(view.size).toBe(entries.length);
      expect(ascending(view)).toStrictEqual(entries);
      expect(descending(view)).toStrictEqual(entries.toReversed());
    }
    for (const [key, value] of model.entries) expect(tree.get(key)).toBe(value);
  }
});

test("it is emptied in any order, and filled again", () => {
  const random = seeded(8);
  // Enough for branches of branches, which join as leaves do.
  const keys = Array.from({ length: 8000 }, (_, i) => `${i}`.padStart(5, "0"));
  const orders = [
    keys,
    keys.toReversed(),
    keys
      .map((key) => ({ key, at: random() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ key }) => key),
  ];
  for (const filling of orders) {
    for (const emptying of orders) {
      const tree = new BTree<object>();
      for (const key of filling) tree.set(key, {});
      const full = tree.view();
      for (const [i, key] of emptying.entries()) {
        expect(tree.delete(key)).toBe(true);
        expect(tree.get(key)).toBeUndefined();
        if (i % 200 === 0) checkShape(tree.root, "", null);
      }
      expect([tree.size, tree.root.keys.length, full.size]).toStrictEqual([0, 0, 8000]);
      expect(tree.delete("00000")).toBe(false);
    }
  }
});

test("a cursor begins anywhere, in both directions", () => {
  const tree = new BTree<{ readonly value: number }>();
  expect([ascending(tree), descending(tree)]).toStrictEqual([[], []]);
  const all: Entry[] = [];
  for (let i = 0; i < 500; i++) {
    const entry: Entry = [String.fromCharCode(i >> 3, (i & 7) * 32), { value: i }];
    all.push(entry);
    tree.set(...entry);
  }
  for (let at = 0; at < 256 * 64; at += 11) {
    const key = String.fromCharCode(at >> 8, at & 255);
    expect(ascending(tree, key)).toStrictEqual(all.filter(([other]) => other >= key));
    expect(descending(tree, key)).toStrictEqual(all.filter(([other]) => other < key).toReversed());
  }
  const cursor = tree.seek("");
  cursor.previous();
  expect(cursor.key).toBeUndefined();
});

test("a tree that was filled in order is full, and one that was thinned out is not much larger than it has to be", () => {
  const tree = new BTree<object>();
  for (let i = 0; i < 10_000; i++) tree.set(`${i}`.padStart(6, "0"), {});
  expect(leavesOf(tree.root).filter((size) => size < MAX_ENTRIES)).toHaveLength(1);
  for (let i = 0; i < 10_000; i++) if (i % 10 !== 0) tree.delete(`${i}`.padStart(6, "0"));
  expect(leavesOf(tree.root).every((size) => size >= MIN_ENTRIES)).toBe(true);
});

test("after a view each node is copied once, and those that nothing is written to are shared", () => {
  const tree = new BTree<object>();
  for (let i = 0; i < 5000; i++) tree.set(`${i}`.padStart(6, "0"), {});
  const nodesOf = (node: TreeNode<object>): TreeNode<object>[] =>
    node.isLeaf ? [node] : [node, ...node.children.flatMap(nodesOf)];
  const before = new Set(nodesOf(tree.root));
  tree.view();
  tree.set("000001", {});
  const once = new Set(nodesOf(tree.root));
  expect([...once].filter((node) => !before.has(node))).toHaveLength(3);
  tree.set("000001", {});
  tree.delete("000002");
  expect(nodesOf(tree.root).filter((node) => !once.has(node))).toHaveLength(0);
});
