import type { Change, Item } from "@eraft/proto/eraft/kv/v1";

/** `ignoreBOM` so that no byte is dropped: it means that a byte order mark is a character like any other. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A key with its value, as it was at some revision. */
export class KvItem {
  readonly key: Uint8Array;
  /** Empty in a scan of keys only. */
  readonly value: Uint8Array;
  /** The revision that made the key, counted anew after it was deleted. */
  readonly createRevision: number;
  /** The revision that wrote the value. */
  readonly modRevision: number;

  constructor(item: Item) {
    this.key = ownBytes(item.key);
    this.value = ownBytes(item.value);
    this.createRevision = Number(item.createRevision);
    this.modRevision = Number(item.modRevision);
  }

  /** The key as text; bytes that are no UTF-8 become U+FFFD. */
  get keyText(): string {
    return decoder.decode(this.key);
  }

  /** The value as text; bytes that are no UTF-8 become U+FFFD. */
  get text(): string {
    return decoder.decode(this.value);
  }
}

/** What a watch tells. */
export type KvChange =
  /** The key has this value now. */
  | {
      readonly type: "put";
      readonly revision: number;
      readonly key: Uint8Array;
      readonly keyText: string;
      readonly item: KvItem;
    }
  /** The key is gone. */
  | {
      readonly type: "delete";
      readonly revision: number;
      readonly key: Uint8Array;
      readonly keyText: string;
      readonly item: null;
    };

export function changeOf({ change }: Change): KvChange {
  if (change.case === undefined)
    throw new Error("it tells of a change of a kind that this client does not know");
  const item = new KvItem(change.value);
  const { key, keyText, modRevision: revision } = item;
  return change.case === "put"
    ? { type: "put", revision, key, keyText, item }
    : { type: "delete", revision, key, keyText, item: null };
}

/** What is decoded are views of the whole message that was received. An item that is kept must not keep a page of a thousand others. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
