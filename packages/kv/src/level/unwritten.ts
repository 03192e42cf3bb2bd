import { BTree, type TreeView } from "../state/b-tree.ts";
import type { ByteString } from "../state/byte-string.ts";
import type { Change } from "../state/items.ts";
import type { TreeCursor } from "../state/tree-cursor.ts";

/**
 * What has been applied and is not on the disk yet: on top the changes that come in, below them those that are being written. Both hide what the disk has; since what
 * is written is the same there, it does not matter when they go.
 */
export class Unwritten {
  #incoming = new BTree<Change>();
  #leaving: TreeView<Change> | null = null;

  get size(): number {
    return this.#incoming.size + (this.#leaving?.size ?? 0);
  }

  /** Undefined if the disk has what is there now. */
  get(key: ByteString): Change | undefined {
    return this.#incoming.get(key) ?? this.#leaving?.get(key);
  }

  set(change: Change): void {
    this.#incoming.set(change.key, change);
  }

  /** Begins to write: all that has come in. To be called when nothing is leaving. */
  leave(): TreeView<Change> {
    this.#leaving = this.#incoming.view();
    this.#incoming = new BTree();
    return this.#leaving;
  }

  /** What was leaving is on the disk. */
  left(): void {
    this.#leaving = null;
  }

  /** Fixes the contents as they are now. */
  view(): UnwrittenView {
    return new UnwrittenView(this.#incoming.view(), this.#leaving);
  }
}

export class UnwrittenView {
  readonly #upper: TreeView<Change>;
  readonly #lower: TreeView<Change> | null;

  constructor(upper: TreeView<Change>, lower: TreeView<Change> | null) {
    this.#upper = upper;
    this.#lower = lower;
  }

  get(key: ByteString): Change | undefined {
    return this.#upper.get(key) ?? this.#lower?.get(key);
  }

  /** From `start` up to, but without, `end`, or the other way. */
  walk(start: ByteString, end: ByteString | null, isDescending: boolean): ChangeWalk {
    const cursors = [this.#upper, this.#lower].flatMap((tree) => {
      if (tree === null) return [];
      return [isDescending ? tree.seekBelow(end ?? undefined) : tree.seek(start)];
    });
    return new ChangeWalk(
      cursors,
      (key) => {
        if (isDescending) return key >= start;
        return end === null || key < end;
      },
      isDescending,
    );
  }
}

/** Goes through two trees at once, in order; of two changes of a key it has the upper one. */
export class ChangeWalk {
  readonly #cursors: readonly TreeCursor<Change>[];
  readonly #isWithin: (key: ByteString) => boolean;
  readonly #isDescending: boolean;

  constructor(
    cursors: readonly TreeCursor<Change>[],
    isWithin: (key: ByteString) => boolean,
    isDescending: boolean,
  ) {
    this.#cursors = cursors;
    this.#isWithin = isWithin;
    this.#isDescending = isDescending;
  }

  /** Undefined at the end. */
  get change(): Change | undefined {
    let first: Change | undefined;
    for (const { value } of this.#cursors) {
      if (value === undefined || !this.#isWithin(value.key)) continue;
      if (first === undefined || this.comesBefore(value.key, first.key)) first = value;
    }
    return first;
  }

  next(): void {
    const key = this.change?.key;
    for (const cursor of this.#cursors) {
      if (cursor.key !== key) continue;
      if (this.#isDescending) cursor.previous();
      else cursor.next();
    }
  }

  comesBefore(key: ByteString, other: ByteString): boolean {
    return this.#isDescending ? key > other : key < other;
  }
}
