import type { ByteString } from "./byte-string.ts";

/** Entries of a leaf, children of a branch. */
export const MAX_ENTRIES = 64;

/** Below this a node is joined with its neighbour, or they share what they have. */
export const MIN_ENTRIES: number = MAX_ENTRIES / 4;

/** May be written only while `generation` is the tree's own; otherwise a view may share it. */
export interface Leaf<V> {
  readonly isLeaf: true;
  readonly generation: number;
  readonly keys: ByteString[];
  readonly values: V[];
}

/** `keys[i]` is not above any key below `children[i + 1]`, and above all keys below `children[i]`. */
export interface Branch<V> {
  readonly isLeaf: false;
  readonly generation: number;
  readonly keys: ByteString[];
  readonly children: TreeNode<V>[];
}

export type TreeNode<V> = Leaf<V> | Branch<V>;

/** How many of `keys`, which are in order, are below `key`. */
export function countBelow(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of `keys` are `key` or below it. */
export function countUpTo(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
