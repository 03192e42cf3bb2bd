import type { ByteString } from "./byte-string.ts";
import { TreeCursor } from "./tree-cursor.ts";
import {
  type Branch,
  type Leaf,
  MAX_ENTRIES,
  MIN_ENTRIES,
  type TreeNode,
  countBelow,
  countUpTo,
} from "./tree-node.ts";

/** The contents of a {@link BTree} at one moment. */
export interface TreeView<V> {
  readonly size: number;
  get(key: ByteString): V | undefined;
  /** Stands at the first entry whose key is not below `from`. */
  seek(from: ByteString): TreeCursor<V>;
  /** Stands at the last entry whose key is below `end`; without `end`, at the last of all. */
  seekBelow(end?: ByteString): TreeCursor<V>;
}

/** What had to be cut off a node that was full: `node` goes to its right. */
interface Split<V> {
  readonly key: ByteString;
  readonly node: TreeNode<V>;
}

/**
 * An ordered map, a B+tree, with views that cost nothing: what a snapshot reads while later commands are applied.
 *
 * `view` keeps the root and begins a new generation. The first write to a node of an older generation copies that node, and those above it, and leaves the old
 * ones to the views. So a view never has to be told what changed, nor to be given back: any number may overlap, and one that is forgotten is garbage.
 */
export class BTree<V extends object> implements TreeView<V> {
  #root: TreeNode<V> = { isLeaf: true, generation: 0, keys: [], values: [] };
  #size = 0;
  #generation = 0;
  /** Where `get` has found its last key: what is read is mostly written next, and need not be looked for again. Null once keys may have moved. */
  #foundIn: Leaf<V> | null = null;
  #foundAt = 0;

  get size(): number {
    return this.#size;
  }

  /** For those who check it. */
  get root(): TreeNode<V> {
    return this.#root;
  }

  get(key: ByteString): V | undefined {
    const leaf = leafOf(this.#root, key);
    const at = countBelow(leaf.keys, key);
    if (leaf.keys[at] !== key) return undefined;
    this.#foundIn = leaf;
    this.#foundAt = at;
    return leaf.values[at];
  }

  set(key: ByteString, value: V): void {
    const found = this.#foundIn;
    // A leaf of this generation stands below branches of this generation, and no view has any of them.
    if (found !== null && found.generation === this.#generation && found.keys[this.#foundAt] === key) {
      found.values[this.#foundAt] = value;
      return;
    }
    this.#foundIn = null;
    this.#root = this.#own(this.#root);
    const split = this.#insert(this.#root, key, value);
    if (split === null) return;
    const generation = this.#generation;
    this.#root = { isLeaf: false, generation, keys: [split.key], children: [this.#root, split.node] };
  }

  /** Whether there was such a key. */
  delete(key: ByteString): boolean {
    // Nothing is copied for a key that is not there.
    if (this.get(key) === undefined) return false;
    this.#foundIn = null;
    this.#root = this.#own(this.#root);
    this.#remove(this.#root, key);
    this.#size -= 1;
    const root = this.#root;
    if (!root.isLeaf && root.children.length === 1) this.#root = root.children[0]!;
    return true;
  }

  seek(from: ByteString): TreeCursor<V> {
    return TreeCursor.at(this.#root, from);
  }

  seekBelow(end?: ByteString): TreeCursor<V> {
    return TreeCursor.below(this.#root, end);
  }

  /** Fixes the contents as they are now. */
  view(): TreeView<V> {
    this.#generation += 1;
    const root = this.#root;
    return {
      size: this.#size,
      get: (key) => find(root, key),
      seek: (from) => TreeCursor.at(root, from),
      seekBelow: (end) => TreeCursor.below(root, end),
    };
  }

  #own(node: TreeNode<V>): TreeNode<V> {
    const generation = this.#generation;
    if (node.generation === generation) return node;
    const keys = node.keys.slice();
    return node.isLeaf
      ? { isLeaf: true, generation, keys, values: node.values.slice() }
      : { isLeaf: false, generation, keys, children: node.children.slice() };
  }

  #ownChild(parent: Branch<V>, position: number): TreeNode<V> {
    const own = this.#own(parent.children[position]!);
    parent.children[position] = own;
    return own;
  }

  #insert(node: TreeNode<V>, key: ByteString, value: V): Split<V> | null {
    if (node.isLeaf) return this.#insertIntoLeaf(node, key, value);
    const position = countUpTo(node.keys, key);
    const split = this.#insert(this.#ownChild(node, position), key, value);
    if (split === null) return null;
    insertAt(node.keys, position, split.key);
    insertAt(node.children, position + 1, split.node);
    const { length } = node.children;
    if (length <= MAX_ENTRIES) return null;
    // Two at least: an only child that has become empty would have no neighbour to join, and would stay so.
    return this.#split(node, Math.min(splitPoint(length, position + 1), length - 2));
  }

  #insertIntoLeaf(leaf: Leaf<V>, key: ByteString, value: V): Split<V> | null {
    const at = countBelow(leaf.keys, key);
    if (leaf.keys[at] === key) {
      leaf.values[at] = value;
      return null;
    }
    this.#size += 1;
    insertAt(leaf.keys, at, key);
    insertAt(leaf.values, at, value);
    if (leaf.keys.length <= MAX_ENTRIES) return null;
    return this.#split(leaf, splitPoint(leaf.keys.length, at));
  }

  /** The key is there. */
  #remove(node: TreeNode<V>, key: ByteString): void {
    if (node.isLeaf) {
      const at = countBelow(node.keys, key);
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return;
    }
    const position = countUpTo(node.keys, key);
    const child = this.#ownChild(node, position);
    this.#remove(child, key);
    if (sizeOf(child) < MIN_ENTRIES) this.#replenish(node, position);
  }

  /** Joins a child that has few entries with its neighbour, or has the two share what they have. */
  #replenish(parent: Branch<V>, position: number): void {
    const at = position > 0 ? position - 1 : position;
    if (at + 1 >= parent.children.length) return;
    const left = this.#ownChild(parent, at);
    pour(parent.children[at + 1]!, parent.keys[at]!, left);
    if (sizeOf(left) <= MAX_ENTRIES) {
      parent.keys.splice(at, 1);
      parent.children.splice(at + 1, 1);
      return;
    }
    const { key, node } = this.#split(left, sizeOf(left) >> 1);
    parent.keys[at] = key;
    parent.children[at + 1] = node;
  }

  /** Cuts off what stands at `from` and behind it. */
  #split(node: TreeNode<V>, from: number): Split<V> {
    const generation = this.#generation;
    if (node.isLeaf) {
      const keys = node.keys.splice(from);
      return { key: keys[0]!, node: { isLeaf: true, generation, keys, values: node.values.splice(from) } };
    }
    const children = node.children.splice(from);
    const keys = node.keys.splice(from);
    return { key: node.keys.pop()!, node: { isLeaf: false, generation, keys, children } };
  }
}

function find<V>(root: TreeNode<V>, key: ByteString): V | undefined {
  const leaf = leafOf(root, key);
  const at = countBelow(leaf.keys, key);
  return leaf.keys[at] === key ? leaf.values[at] : undefined;
}

/** The leaf in which `key` is if it is anywhere. */
function leafOf<V>(root: TreeNode<V>, key: ByteString): Leaf<V> {
  let node = root;
  while (!node.isLeaf) node = node.children[countUpTo(node.keys, key)]!;
  return node;
}

function sizeOf(node: TreeNode<unknown>): number {
  return node.isLeaf ? node.keys.length : node.children.length;
}

/** In the middle; but what grows at its end, as when keys are written in order, leaves a full node behind. */
function splitPoint(length: number, grownAt: number): number {
  return grownAt === length - 1 ? length - 1 : length >> 1;
}

/** Adds what `right` has to `left`; `between` is the key that parted them. */
function pour<V>(right: TreeNode<V>, between: ByteString, left: TreeNode<V>): void {
  if (left.isLeaf && right.isLeaf) {
    left.keys.push(...right.keys);
    left.values.push(...right.values);
  } else if (!left.isLeaf && !right.isLeaf) {
    left.keys.push(between, ...right.keys);
    left.children.push(...right.children);
  } else {
    throw new Error("neighbours are not of one height");
  }
}

/** `splice` of one element, without the array that it makes. */
function insertAt<T>(array: T[], position: number, element: T): void {
  array.push(element);
  for (let i = array.length - 1; i > position; i--) array[i] = array[i - 1]!;
  array[position] = element;
}
