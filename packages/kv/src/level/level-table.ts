import type { ByteString } from "../state/byte-string.ts";
import type { Change, Item, ItemTable } from "../state/items.ts";
import type { Disk } from "./disk.ts";
import { itemKey } from "./keys.ts";
import { decodeItem } from "./records.ts";
import { Unwritten } from "./unwritten.ts";

/**
 * Items on a disk, as commands want them: they ask for one at once, and a disk does not answer at once. So the keys of a batch of commands are fetched before these are
 * applied. What they write stays in memory until it is on the disk, too.
 */
export class LevelTable implements ItemTable {
  readonly unwritten: Unwritten = new Unwritten();
  readonly generation: number;
  /** Bytes in keys and values that were set since this was last set to 0. */
  writtenBytes = 0;
  readonly #disk: Disk;
  readonly #fetched = new Map<ByteString, Item | undefined>();
  #size: number;

  constructor(disk: Disk, generation: number, size: number) {
    this.#disk = disk;
    this.generation = generation;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Reads the items of `keys`, for the commands that are applied next: in the same turn in which this resolves, before anything is fetched again.
   *
   * What is unwritten is taken from there at once. Were it looked for again when the disk has answered, it might be gone by then, having been written; and the
   * disk was asked before that.
   */
  async fetch(keys: Iterable<ByteString>): Promise<void> {
    this.#fetched.clear();
    const missing: { readonly key: ByteString; readonly at: Uint8Array }[] = [];
    for (const key of new Set(keys)) {
      const change = this.unwritten.get(key);
      if (change === undefined) missing.push({ key, at: itemKey(this.generation, key) });
      else this.#fetched.set(key, change.item ?? undefined);
    }
    const records = await this.#disk.getMany(missing.map(({ at }) => at));
    for (const [position, { key, at }] of missing.entries()) {
      const record = records[position];
      this.#fetched.set(key, record === undefined ? undefined : decodeItem(at, record));
    }
  }

  get(key: ByteString): Item | undefined {
    if (!this.#fetched.has(key)) throw new Error("an item was asked for that was not fetched");
    return this.#fetched.get(key);
  }

  set(key: ByteString, item: Item): void {
    if (this.get(key) === undefined) this.#size += 1;
    this.#change({ key, item });
  }

  delete(key: ByteString): boolean {
    if (this.get(key) === undefined) return false;
    this.#size -= 1;
    this.#change({ key, item: null });
    return true;
  }

  #change(change: Change): void {
    this.#fetched.set(change.key, change.item ?? undefined);
    this.unwritten.set(change);
    this.writtenBytes += change.key.length + (change.item?.value.length ?? 0);
  }
}
