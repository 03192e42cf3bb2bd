import { KvInvalidArgumentError, KvNotTextError } from "../errors.ts";
import type { BTree } from "./b-tree.ts";
import { type ByteString, utf8Of } from "./byte-string.ts";
import type { Item } from "./items.ts";
import { textResultOfItem } from "./text-command.ts";

/** A read, for `RaftNode.read`. */
export type KvQuery = KvTextQuery | KvItemsQuery | KvScanQuery | KvRevisionQuery;

/** The value of a key, both of them text; undefined if there is none. Rejects with a KvNotTextError for a value that is not UTF-8. */
export interface KvTextQuery {
  readonly type?: undefined;
  readonly key: string;
}

/** The items of some keys, all of one state. */
export interface KvItemsQuery {
  readonly type: "items";
  readonly keys: readonly ByteString[];
}

/** The items from `start` up to but without `end`, or the end of all: as many as fit, in ascending or descending order. */
export interface KvScanQuery {
  readonly type: "scan";
  readonly start: ByteString;
  readonly end: ByteString | null;
  readonly isDescending: boolean;
  /** At least 1. */
  readonly maxItems: number;
  /** Of keys, and of values unless `keysOnly`. The first item may have more. */
  readonly maxBytes: number;
  readonly keysOnly: boolean;
}

/** Only how far the state is. */
export interface KvRevisionQuery {
  readonly type: "revision";
}

/** What a query gives: of a KvTextQuery the value, or undefined; of the others one of these. */
export type KvAnswer = string | undefined | KvItemsAnswer | KvScanAnswer | KvRevisionAnswer;

export interface KvRevisionAnswer {
  /** Of the state that answers. */
  readonly revision: number;
}

export interface KvItemsAnswer extends KvRevisionAnswer {
  /** In the order of the keys; null where there is none. */
  readonly items: readonly (Item | null)[];
}

export interface KvEntry {
  readonly key: ByteString;
  readonly item: Item;
}

export interface KvScanAnswer extends KvRevisionAnswer {
  readonly entries: readonly KvEntry[];
  /** Whether there is more in the range. */
  readonly hasMore: boolean;
}

/** @throws KvInvalidArgumentError */
export function textKeyOf(query: KvTextQuery | null | undefined): string {
  const key: unknown = query?.key;
  if (typeof key === "string") return key;
  throw new KvInvalidArgumentError("a query is an object with a key");
}

/** The text of `key`, whose item is found by `find`. @throws KvNotTextError */
export function textIn(key: string, find: (key: ByteString) => Item | undefined): string | undefined {
  const item = find(utf8Of(key));
  if (item === undefined) return undefined;
  const result = textResultOfItem(item);
  if (result.status === "ok") return result.value;
  throw new KvNotTextError(`the value of ${JSON.stringify(key)} is not UTF-8`);
}

export function scan(table: BTree<Item>, query: KvScanQuery): Omit<KvScanAnswer, "revision"> {
  const { start, end, isDescending } = query;
  const page = new ScanPage(query);
  const cursor = isDescending ? table.seekBelow(end ?? undefined) : table.seek(start);
  for (;;) {
    const { key, value: item } = cursor;
    if (key === undefined || item === undefined) break;
    if (isDescending ? key < start : end !== null && key >= end) break;
    if (!page.add({ key, item })) break;
    if (isDescending) cursor.previous();
    else cursor.next();
  }
  return page;
}

/** What is found of a scan, up to what fits. */
export class ScanPage {
  readonly entries: KvEntry[] = [];
  hasMore = false;
  readonly #query: Pick<KvScanQuery, "maxItems" | "maxBytes" | "keysOnly">;
  #bytes = 0;

  constructor(query: Pick<KvScanQuery, "maxItems" | "maxBytes" | "keysOnly">) {
    this.#query = query;
  }

  /** False if it does not fit any more: then there is more, and nothing fits that comes later. */
  add(entry: KvEntry): boolean {
    const { maxItems, maxBytes, keysOnly } = this.#query;
    const { entries } = this;
    this.#bytes += entry.key.length + (keysOnly ? 0 : entry.item.value.length);
    this.hasMore = entries.length === maxItems || (entries.length > 0 && this.#bytes > maxBytes);
    if (!this.hasMore) entries.push(entry);
    return !this.hasMore;
  }
}
