import type { ByteString } from "./byte-string.ts";
import type { Value } from "./value.ts";

/** What a key has. Never modified: tables, views, histories and results share it. */
export interface Item {
  readonly value: Value;
  /** The revision that made the key, counted anew after it was deleted. */
  readonly createRevision: number;
  /** The revision that wrote the value. */
  readonly modRevision: number;
}

/** Where writes read and write items: a {@link BTree}, or anything else that answers at once. */
export interface ItemTable {
  readonly size: number;
  get(key: ByteString): Item | undefined;
  set(key: ByteString, item: Item): void;
  delete(key: ByteString): boolean;
}

/** What a write has made of a key: null if it was deleted. */
export interface Change {
  readonly key: ByteString;
  readonly item: Item | null;
}
