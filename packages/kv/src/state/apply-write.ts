import type { ByteString } from "./byte-string.ts";
import type { Change, Item, ItemTable } from "./items.ts";
import { MAX_VALUE_BYTES, MAX_WRITE_BYTES, type StateLimits } from "./limits.ts";
import type { OperationResult, RefusalReason } from "./result.ts";
import { type Value, areEqual, concatenated } from "./value.ts";
import { type Condition, type Operation, type Write, writeFault } from "./write.ts";

/** What a write comes to in the present state. Nothing is changed yet. */
export type Outcome =
  | {
      readonly type: "done";
      readonly results: readonly OperationResult[];
      /** Each key once. None if the state stays as it is. */
      readonly changes: readonly Change[];
    }
  | {
      readonly type: "conditionFailed";
      readonly condition: number;
      /** What is there instead. */
      readonly item: Item | null;
    }
  | { readonly type: "refused"; readonly reason: RefusalReason };

const NOTHING: OperationResult = Object.freeze({ item: null, deleted: false });
const DELETED: OperationResult = Object.freeze({ item: null, deleted: true });

/**
 * What `write` makes of the items in `table`, as revision `revision`. The one place that says what conditions and operations mean; whoever keeps the items then
 * stores the changes, all together.
 */
export function outcomeOf(
  write: Write,
  table: Pick<ItemTable, "size" | "get">,
  revision: number,
  limits: Pick<StateLimits, "maxKeys">,
): Outcome {
  const fault = writeFault(write);
  if (fault !== null) return { type: "refused", reason: fault };
  for (const [position, condition] of write.conditions.entries()) {
    const item = table.get(condition.key);
    if (!holds(condition, item)) return { type: "conditionFailed", condition: position, item: item ?? null };
  }
  const draft = new Draft(table, revision, limits.maxKeys);
  const results: OperationResult[] = [];
  for (const operation of write.operations) {
    const result = draft.perform(operation);
    if (typeof result === "string") return { type: "refused", reason: result };
    results.push(result);
  }
  return { type: "done", results, changes: draft.changes() };
}

function holds(condition: Condition, item: Item | undefined): boolean {
  switch (condition.type) {
    case "exists":
      return (item !== undefined) === condition.exists;
    case "value":
      return item !== undefined && areEqual(item.value, condition.value);
    case "modRevision":
      return item?.modRevision === condition.modRevision;
    case "unknown":
      return false;
  }
}

/** The changes of one write, over a table that stays as it is until all of them are known to be possible. */
class Draft {
  readonly #table: Pick<ItemTable, "size" | "get">;
  readonly #revision: number;
  readonly #maxKeys: number;
  /** The key that was written first, and what it has now. Most writes have no other. */
  #firstKey: ByteString | null = null;
  #firstItem: Item | null = null;
  /** The others, in the order in which they were first written. */
  #others: Map<ByteString, Item | null> | null = null;
  #size: number;
  #answerBytes = 0;

  constructor(table: Pick<ItemTable, "size" | "get">, revision: number, maxKeys: number) {
    this.#table = table;
    this.#revision = revision;
    this.#maxKeys = maxKeys;
    this.#size = table.size;
  }

  perform(operation: Operation): OperationResult | RefusalReason {
    switch (operation.type) {
      case "get":
        return this.#get(operation.key);
      case "put":
        return this.#put(operation.key, operation.value, this.#itemAt(operation.key));
      case "append": {
        const item = this.#itemAt(operation.key);
        if (item === undefined) return this.#put(operation.key, operation.value, item);
        const bytes = item.value.length + operation.value.length;
        // Checked before it is made: otherwise a value grows until there is no memory for it, on every server at the same entry.
        if (bytes > MAX_VALUE_BYTES) return "valueTooLarge";
        return this.#put(operation.key, concatenated(item.value, operation.value), item);
      }
      case "delete":
        if (this.#itemAt(operation.key) === undefined) return NOTHING;
        this.#change(operation.key, null);
        this.#size -= 1;
        return DELETED;
      case "unknown":
        return "unknownOp";
    }
  }

  /** Leaves out keys that came and went. */
  changes(): Change[] {
    const changes: Change[] = [];
    const add = (key: ByteString, item: Item | null): void => {
      if (item !== null || this.#table.get(key) !== undefined) changes.push({ key, item });
    };
    if (this.#firstKey !== null) add(this.#firstKey, this.#firstItem);
    if (this.#others !== null) for (const [key, item] of this.#others) add(key, item);
    return changes;
  }

  #change(key: ByteString, item: Item | null): void {
    this.#firstKey ??= key;
    if (key === this.#firstKey) this.#firstItem = item;
    else (this.#others ??= new Map()).set(key, item);
  }

  #itemAt(key: ByteString): Item | undefined {
    const changed = key === this.#firstKey ? this.#firstItem : this.#others?.get(key);
    return changed === undefined ? this.#table.get(key) : (changed ?? undefined);
  }

  #get(key: ByteString): OperationResult | RefusalReason {
    const item = this.#itemAt(key);
    if (item === undefined) return NOTHING;
    this.#answerBytes += key.length + item.value.length;
    return this.#answerBytes > MAX_WRITE_BYTES ? "answerTooLarge" : { item, deleted: false };
  }

  #put(key: ByteString, value: Value, old: Item | undefined): OperationResult | RefusalReason {
    if (old === undefined) {
      if (this.#size >= this.#maxKeys) return "storeFull";
      this.#size += 1;
    }
    const createRevision = old?.createRevision ?? this.#revision;
    this.#change(key, { value, createRevision, modRevision: this.#revision });
    return NOTHING;
  }
}
