import type { KvChange } from "@eraft/kv";
import { textOrNull } from "./text.ts";

/** `{ [name]: text }`, or `{ [name_base64]: ... }` for bytes that are no UTF-8. */
export function jsonBytes(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOrNull(bytes);
  return text === null ? { [`${name}_base64`]: Buffer.from(bytes).toString("base64") } : { [name]: text };
}

/** A key with its value; the revisions are null where the node has none. */
export interface AnyItem {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number | null;
  readonly modRevision: number | null;
}

/** An item in the output of `--json`. */
export function jsonItem(item: AnyItem, { keysOnly = false }: { readonly keysOnly?: boolean } = {}): object {
  return {
    ...jsonBytes("key", item.key),
    ...(keysOnly ? {} : jsonBytes("value", item.value)),
    create_revision: item.createRevision,
    mod_revision: item.modRevision,
  };
}

/** A line of `watch --json`. */
export function jsonChange(change: KvChange): object {
  const { type, revision, key, item } = change;
  if (item === null) return { type, revision, ...jsonBytes("key", key) };
  return { type, revision, ...jsonItem(item) };
}
