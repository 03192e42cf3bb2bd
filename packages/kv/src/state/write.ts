import type { ByteString } from "./byte-string.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES, MAX_WRITE_BYTES, MAX_WRITE_PARTS } from "./limits.ts";
import type { RefusalReason } from "./result.ts";
import type { Value } from "./value.ts";

/** What has to hold of a key. */
export type Condition =
  | { readonly type: "exists"; readonly key: ByteString; readonly exists: boolean }
  | { readonly type: "value"; readonly key: ByteString; readonly value: Value }
  | { readonly type: "modRevision"; readonly key: ByteString; readonly modRevision: number }
  /** What no server understands. */
  | { readonly type: "unknown"; readonly key: ByteString };

export type Operation =
  | { readonly type: "get" | "delete"; readonly key: ByteString }
  | { readonly type: "put" | "append"; readonly key: ByteString; readonly value: Value }
  | { readonly type: "unknown"; readonly key: ByteString };

/** All there is to do to the state: if all conditions hold, all operations in order, with nothing in between; otherwise nothing. */
export interface Write {
  readonly conditions: readonly Condition[];
  readonly operations: readonly Operation[];
}

/** Why `write` is refused whatever the state is, null if it is not. */
export function writeFault({ conditions, operations }: Write): RefusalReason | null {
  if (operations.length === 0) return "noOperation";
  if (operations.length + conditions.length > MAX_WRITE_PARTS) return "tooManyOperations";
  let bytes = 0;
  for (const condition of conditions) {
    const fault = keyFault(condition.key) ?? conditionFault(condition);
    if (fault !== null) return fault;
    bytes += condition.key.length + (condition.type === "value" ? condition.value.length : 0);
  }
  for (const operation of operations) {
    if (operation.type === "unknown") return "unknownOp";
    const fault = keyFault(operation.key);
    if (fault !== null) return fault;
    bytes += operation.key.length;
    if (!("value" in operation)) continue;
    if (operation.value.length > MAX_VALUE_BYTES) return "valueTooLarge";
    bytes += operation.value.length;
  }
  return bytes > MAX_WRITE_BYTES ? "writeTooLarge" : null;
}

/** Why there can be no such key. */
export function keyFault(key: { readonly length: number }): "emptyKey" | "keyTooLong" | null {
  if (key.length === 0) return "emptyKey";
  return key.length > MAX_KEY_BYTES ? "keyTooLong" : null;
}

function conditionFault(condition: Condition): RefusalReason | null {
  switch (condition.type) {
    case "exists":
      return null;
    case "value":
      return condition.value.length > MAX_VALUE_BYTES ? "valueTooLarge" : null;
    case "modRevision":
      return Number.isSafeInteger(condition.modRevision) && condition.modRevision > 0 ? null : "badRevision";
    case "unknown":
      return "noExpectation";
  }
}
