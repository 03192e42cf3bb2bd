import type { LogIndex } from "@eraft/core";
import { type ByteString, byteStringOf } from "../state/byte-string.ts";
import type { Item } from "../state/items.ts";
import type { KvEntry } from "../state/query.ts";
import type { Disk } from "./disk.ts";
import { itemKey, itemRange, keyIn } from "./keys.ts";
import type { LevelSnapshot } from "./level-database.ts";
import { decodeItem } from "./records.ts";
import type { UnwrittenView } from "./unwritten.ts";

/** Records that are read together. */
const PAGE_RECORDS = 256;

export interface Range {
  readonly start: ByteString;
  /** Does not belong to it; null for the end of all. */
  readonly end: ByteString | null;
  readonly isDescending: boolean;
}

/** The items at one moment, while later commands are applied: what the disk had then, and over it what it did not have. To be closed. */
export class StateAt {
  readonly keyCount: number;
  readonly index: LogIndex;
  readonly #disk: Disk;
  readonly #generation: number;
  readonly #unwritten: UnwrittenView;
  readonly #snapshot: LevelSnapshot;

  constructor(parts: {
    readonly disk: Disk;
    readonly generation: number;
    readonly unwritten: UnwrittenView;
    readonly keyCount: number;
    readonly index: LogIndex;
  }) {
    this.#disk = parts.disk;
    this.#generation = parts.generation;
    this.#unwritten = parts.unwritten;
    this.keyCount = parts.keyCount;
    this.index = parts.index;
    this.#snapshot = parts.disk.snapshot();
  }

  /** In the order of the keys; null where there is none. */
  async items(keys: readonly ByteString[]): Promise<(Item | null)[]> {
    const found = keys.map((key) => this.#unwritten.get(key)?.item);
    const asked = keys.flatMap((key, position) =>
      found[position] === undefined ? [{ position, key: itemKey(this.#generation, key) }] : [],
    );
    const records = await this.#disk.getMany(
      asked.map(({ key }) => key),
      this.#snapshot,
    );
    for (const [at, { position, key }] of asked.entries()) {
      const record = records[at];
      if (record !== undefined) found[position] = decodeItem(key, record);
    }
    return found.map((item) => item ?? null);
  }

  /** The items of a range, in order, some at a time: about `size`, if that is less than a few hundred. */
  async *pages(range: Range, size: number = PAGE_RECORDS): AsyncGenerator<readonly KvEntry[], void> {
    const { start, end, isDescending } = range;
    if (end !== null && start >= end) return;
    const walk = this.#unwritten.walk(start, end, isDescending);
    const options = { reverse: isDescending, snapshot: this.#snapshot };
    const records = this.#disk.pages(
      itemRange(this.#generation, start, end),
      Math.min(size, PAGE_RECORDS),
      options,
    );
    let page: KvEntry[] = [];
    for await (const some of records) {
      for (const [at, record] of some) {
        const key = byteStringOf(keyIn(at));
        let change = walk.change;
        while (change !== undefined && walk.comesBefore(change.key, key)) {
          if (change.item !== null) page.push({ key: change.key, item: change.item });
          walk.next();
          change = walk.change;
        }
        if (change?.key !== key) {
          page.push({ key, item: decodeItem(at, record) });
          continue;
        }
        if (change.item !== null) page.push({ key, item: change.item });
        walk.next();
      }
      yield page;
      page = [];
    }
    for (let { change } = walk; change !== undefined; { change } = walk) {
      if (change.item !== null) page.push({ key: change.key, item: change.item });
      walk.next();
      if (page.length < PAGE_RECORDS) continue;
      yield page;
      page = [];
    }
    yield page;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#snapshot.close()]);
  }
}
