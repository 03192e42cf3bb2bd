import type { ByteString } from "./byte-string.ts";
import { type Branch, type Leaf, type TreeNode, countBelow, countUpTo } from "./tree-node.ts";

/** A place in a tree that does not change: between its first and its last entry, or outside. */
export class TreeCursor<V> {
  readonly #branches: Branch<V>[] = [];
  /** Which child of each branch the next one, or the leaf, is. */
  readonly #positions: number[] = [];
  #leaf: Leaf<V>;
  #at: number;

  /** The first entry that is not below `from`. */
  static at<V>(root: TreeNode<V>, from: ByteString): TreeCursor<V> {
    const cursor = new TreeCursor(root, (node) => countUpTo(node.keys, from));
    cursor.#at = countBelow(cursor.#leaf.keys, from);
    if (cursor.#at === cursor.#leaf.keys.length) cursor.#nextLeaf();
    return cursor;
  }

  /** The last entry below `end`, or of all. */
  static below<V>(root: TreeNode<V>, end?: ByteString): TreeCursor<V> {
    const cursor = new TreeCursor(root, (node) =>
      end === undefined ? node.keys.length : countBelow(node.keys, end),
    );
    const { keys } = cursor.#leaf;
    cursor.#at = (end === undefined ? keys.length : countBelow(keys, end)) - 1;
    if (cursor.#at < 0) cursor.#previousLeaf();
    return cursor;
  }

  private constructor(root: TreeNode<V>, choose: (branch: Branch<V>) => number) {
    let node = root;
    while (!node.isLeaf) {
      const position = choose(node);
      this.#branches.push(node);
      this.#positions.push(position);
      node = node.children[position]!;
    }
    this.#leaf = node;
    this.#at = 0;
  }

  /** Undefined before the first entry and after the last one. */
  get key(): ByteString | undefined {
    return this.#leaf.keys[this.#at];
  }

  get value(): V | undefined {
    return this.#leaf.values[this.#at];
  }

  /** To the next entry in ascending order. */
  next(): void {
    this.#at += 1;
    if (this.#at >= this.#leaf.keys.length) this.#nextLeaf();
  }

  /** To the next entry in descending order. */
  previous(): void {
    this.#at -= 1;
    if (this.#at < 0) this.#previousLeaf();
  }

  #nextLeaf(): void {
    let level = this.#branches.length - 1;
    while (level >= 0 && this.#positions[level]! + 1 >= this.#branches[level]!.children.length) level -= 1;
    if (level < 0) return;
    this.#descend(level, this.#positions[level]! + 1, () => 0);
    this.#at = 0;
  }

  #previousLeaf(): void {
    let level = this.#branches.length - 1;
    while (level >= 0 && this.#positions[level] === 0) level -= 1;
    if (level < 0) return;
    this.#descend(level, this.#positions[level]! - 1, (branch) => branch.children.length - 1);
    this.#at = this.#leaf.keys.length - 1;
  }

  #descend(from: number, position: number, choose: (branch: Branch<V>) => number): void {
    let level = from;
    this.#positions[level] = position;
    let node = this.#branches[level]!.children[position]!;
    while (!node.isLeaf) {
      level += 1;
      this.#branches[level] = node;
      const chosen = choose(node);
      this.#positions[level] = chosen;
      node = node.children[chosen]!;
    }
    this.#leaf = node;
  }
}
