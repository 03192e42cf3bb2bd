import type { BTree } from "./b-tree.ts";
import type { ByteString } from "./byte-string.ts";
import type { Item } from "./items.ts";

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

export function scan(table: BTree<Item>, query: KvScanQuery): Omit<KvScanAnswer, "revision"> {
  const { start, end, isDescending, maxItems, maxBytes, keysOnly } = query;
  const entries: KvEntry[] = [];
  let bytes = 0;
  const cursor = isDescending ? table.seekBelow(end ?? undefined) : table.seek(start);
  for (;;) {
    const { key, value: item } = cursor;
    if (key === undefined || item === undefined) break;
    if (isDescending ? key < start : end !== null && key >= end) break;
    bytes += key.length + (keysOnly ? 0 : item.value.length);
    if (entries.length === maxItems || (entries.length > 0 && bytes > maxBytes)) {
      return { entries, hasMore: true };
    }
    entries.push({ key, item });
    if (isDescending) cursor.previous();
    else cursor.next();
  }
  return { entries, hasMore: false };
}
