import type { ByteString } from "./byte-string.ts";
import type { HistoryView } from "./history.ts";
import type { Item, ItemTable } from "./items.ts";
import type { OperationResult, RefusalReason, WriteResult } from "./result.ts";
import { type Value, areEqual } from "./value.ts";
import type { Write } from "./write.ts";

/** Larger values are not kept for a write that may be sent again, as long as they are to be found elsewhere. */
export const MAX_KEPT_VALUE_BYTES = 256;

/**
 * The result of a write as a session keeps it. There may be a quarter of a million of them, and the items of each may have two megabytes: so large values are only
 * remembered by their revisions, of which the table and the history have the newest.
 */
export type KeptResult =
  | {
      readonly status: "done";
      readonly revision: number;
      readonly results: readonly KeptOperationResult[];
    }
  | {
      readonly status: "conditionFailed";
      readonly revision: number;
      readonly condition: number;
      readonly item: KeptItem | null;
    }
  | { readonly status: "refused"; readonly reason: RefusalReason };

export interface KeptOperationResult {
  readonly item: KeptItem | null;
  readonly deleted: boolean;
}

export interface KeptItem {
  /** Null if it is too large to be kept. */
  readonly value: Value | null;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** Where large values are found again. */
interface Sources {
  readonly table: Pick<ItemTable, "get">;
  readonly history: HistoryView;
}

/** What is kept of `result`, which `write` has just given: all of it, but for the large values that `sources` have. */
export function keptResult(result: WriteResult, write: Write, sources: Sources): KeptResult {
  switch (result.status) {
    case "done": {
      if (!result.results.some(({ item }) => isLarge(item))) return result;
      const results = result.results.map(({ item, deleted }, position) => ({
        item: keptItem(item, write.operations[position]?.key, sources),
        deleted,
      }));
      return { ...result, results };
    }
    case "conditionFailed":
      return { ...result, item: keptItem(result.item, write.conditions[result.condition]?.key, sources) };
    case "refused":
      return result;
  }
}

/**
 * The result that was `kept` of `write`, whole; null if a value that belongs to it is nowhere any more, or `write` is not the one that it is of. The same on
 * all servers: what it is put together from is part of the state.
 */
export function recalledResult(kept: KeptResult, write: Write, sources: Sources): WriteResult | null {
  switch (kept.status) {
    case "refused":
      return kept;
    case "conditionFailed": {
      const item = recalledItem(kept.item, write.conditions[kept.condition]?.key, sources);
      return item === undefined ? null : { ...kept, item };
    }
    case "done": {
      const results: OperationResult[] = [];
      for (const [position, { item: one, deleted }] of kept.results.entries()) {
        const item = recalledItem(one, write.operations[position]?.key, sources);
        if (item === undefined) return null;
        results.push({ item, deleted });
      }
      return { ...kept, results };
    }
  }
}

function recalledItem(
  kept: KeptItem | null,
  key: ByteString | undefined,
  { table, history }: Sources,
): Item | null | undefined {
  if (kept === null) return null;
  const { value, modRevision } = kept;
  if (value !== null) return { ...kept, value };
  if (key === undefined) return undefined;
  const present = table.get(key);
  if (present?.modRevision === modRevision) return present;
  return history.changesOf(modRevision)?.find((change) => change.key === key)?.item ?? undefined;
}

function isLarge(item: Item | null): boolean {
  return item !== null && item.value.length > MAX_KEPT_VALUE_BYTES;
}

/** A value that a later operation of the same write replaced is nowhere else, though there is one of that revision: such a value is kept. */
function keptItem(item: Item | null, key: ByteString | undefined, sources: Sources): KeptItem | null {
  if (item === null || !isLarge(item)) return item;
  const withoutValue = { ...item, value: null };
  const found = recalledItem(withoutValue, key, sources);
  const isThere = found === item || (found && areEqual(found.value, item.value));
  return isThere ? withoutValue : item;
}
