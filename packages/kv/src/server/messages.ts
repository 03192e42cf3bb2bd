import { create } from "@bufbuild/protobuf";
import {
  type BatchResponse,
  BatchResponseSchema,
  type CompareAndSwapRequest,
  type CompareAndSwapResponse,
  CompareAndSwapResponseSchema,
  type Condition as ConditionMessage,
  type Item as ItemMessage,
  ItemSchema,
  type Operation as OperationMessage,
  OperationResultSchema,
  type Serial as SerialMessage,
} from "@eraft/proto/eraft/kv/v1";
import { type ByteString, byteStringOf, bytesOf } from "../state/byte-string.ts";
import type { Item } from "../state/items.ts";
import type { Serial } from "../state/logged-writes.ts";
import type { WriteResult } from "../state/result.ts";
import { valueBytes } from "../state/value.ts";
import type { Condition, Operation, Write } from "../state/write.ts";

// Between messages and what the state machine understands. Values stay where they were received: they are on their way into a command.

export function writeOf(
  conditions: readonly ConditionMessage[],
  operations: readonly OperationMessage[],
): Write {
  return { conditions: conditions.map(conditionOf), operations: operations.map(operationOf) };
}

/** Null is for CompareAndSwap without a condition or a change. */
export function casWriteOf({ condition, change }: CompareAndSwapRequest): Write | null {
  if (condition === undefined) return null;
  const { key } = condition;
  const conditions = [conditionOf(condition)];
  const name = byteStringOf(key);
  switch (change.case) {
    case "value":
      // The answer has the item as it is then.
      return {
        conditions,
        operations: [
          { type: "put", key: name, value: change.value },
          { type: "get", key: name },
        ],
      };
    case "delete":
      return change.value ? { conditions, operations: [{ type: "delete", key: name }] } : null;
    case undefined:
      return null;
  }
}

function conditionOf({ key, expected }: ConditionMessage): Condition {
  const name = byteStringOf(key);
  switch (expected.case) {
    case "exists":
      return { type: "exists", key: name, exists: expected.value };
    case "value":
      return { type: "value", key: name, value: expected.value };
    case "modRevision":
      return { type: "modRevision", key: name, modRevision: Number(expected.value) };
    case undefined:
      return { type: "unknown", key: name };
  }
}

function operationOf({ operation }: OperationMessage): Operation {
  switch (operation.case) {
    case "get":
    case "delete":
      return { type: operation.case, key: byteStringOf(operation.value.key) };
    case "put":
    case "append":
      return { type: operation.case, key: byteStringOf(operation.value.key), value: operation.value.value };
    case undefined:
      return { type: "unknown", key: "" };
  }
}

/** Undefined if there can be no such serial. */
export function serialOf(message: SerialMessage | undefined): Serial | null | undefined {
  if (message === undefined) return null;
  const sessionId = Number(message.sessionId);
  const sequence = Number(message.sequence);
  // Below the first write there is none, whichever way that is said.
  const firstUnanswered = message.firstUnanswered === 0n ? 1 : Number(message.firstUnanswered);
  const areNumbers = [sessionId, sequence, firstUnanswered].every(
    (one) => Number.isSafeInteger(one) && one > 0,
  );
  return areNumbers && firstUnanswered <= sequence ? { sessionId, sequence, firstUnanswered } : undefined;
}

export function itemMessage(key: Uint8Array, item: Item, keysOnly = false): ItemMessage {
  return create(ItemSchema, {
    key,
    value: keysOnly ? new Uint8Array() : valueBytes(item.value),
    createRevision: BigInt(item.createRevision),
    modRevision: BigInt(item.modRevision),
  });
}

export function casResponse(
  request: CompareAndSwapRequest,
  result: Exclude<WriteResult, { readonly status: "refused" }>,
): CompareAndSwapResponse {
  const swapped = result.status === "done";
  const item = result.status === "done" ? (result.results[1]?.item ?? null) : result.item;
  const revision = BigInt(result.revision);
  const key = request.condition?.key;
  return item === null || key === undefined
    ? create(CompareAndSwapResponseSchema, { swapped, revision })
    : create(CompareAndSwapResponseSchema, { swapped, revision, item: itemMessage(key, item) });
}

export function batchResponse(
  write: Write,
  result: Exclude<WriteResult, { readonly status: "refused" }>,
): BatchResponse {
  const revision = BigInt(result.revision);
  if (result.status === "conditionFailed") {
    return create(BatchResponseSchema, { done: false, revision, failedCondition: result.condition });
  }
  const results = result.results.map(({ item, deleted }, position) =>
    item === null
      ? create(OperationResultSchema, { deleted })
      : create(OperationResultSchema, { item: itemMessage(keyAt(write, position), item) }),
  );
  return create(BatchResponseSchema, { done: true, revision, results });
}

function keyAt({ operations }: Write, position: number): Uint8Array {
  const key: ByteString = operations[position]?.key ?? "";
  return bytesOf(key);
}
