import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ConditionSchema,
  Consistency,
  type KeyRangeSchema,
  type OperationSchema,
} from "@eraft/proto/eraft/kv/v1";
import { KvInvalidArgumentError } from "../errors.ts";
import { CONSISTENCIES, type KvConsistency } from "../protocol.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "../state/limits.ts";

/** Bytes, or text that is sent as UTF-8. */
export type KvBytes = string | Uint8Array;

/** Some keys in the order of their bytes: those that begin with `prefix`, or those from `start` up to but without `end`. All, if nothing is said. */
export interface KvRange {
  readonly prefix?: KvBytes;
  readonly start?: KvBytes;
  readonly end?: KvBytes;
}

/** What has to hold of a key. `modRevision`: that the value was written by this revision, and by none since. */
export type KvExpected =
  | { readonly value: KvBytes }
  | { readonly exists: boolean }
  | { readonly modRevision: number };

export type KvCondition = KvExpected & { readonly key: KvBytes };

/** One of the operations of a batch. */
export type KvOperation =
  | { readonly op: "get"; readonly key: KvBytes }
  | { readonly op: "put"; readonly key: KvBytes; readonly value: KvBytes }
  | { readonly op: "append"; readonly key: KvBytes; readonly value: KvBytes }
  | { readonly op: "delete"; readonly key: KvBytes };

const MAX_BATCH_PARTS = 128;
/** As much as two of the largest items. */
const MAX_BATCH_BYTES = 2 * (MAX_KEY_BYTES + MAX_VALUE_BYTES);

const encoder = new TextEncoder();

export function keyBytes(key: KvBytes, name = "key"): Uint8Array {
  const bytes = toBytes(key, name);
  if (bytes.length === 0) throw new KvInvalidArgumentError(`${name} is empty`);
  return limited(bytes, name, MAX_KEY_BYTES);
}

export function valueBytes(value: KvBytes, name = "value"): Uint8Array {
  return limited(toBytes(value, name), name, MAX_VALUE_BYTES);
}

export function toRange(range: KvRange): MessageInitShape<typeof KeyRangeSchema> {
  const { prefix, start, end } = range;
  if (prefix !== undefined && (start !== undefined || end !== undefined)) {
    throw new KvInvalidArgumentError("a range has a prefix, or start and end, and not both");
  }
  return { prefix: edge(prefix, "prefix"), start: edge(start, "start"), end: edge(end, "end") };
}

function edge(bytes: KvBytes | undefined, name: string): Uint8Array {
  return limited(toBytes(bytes ?? "", name), name, MAX_KEY_BYTES);
}

/** @param name of the condition, for messages */
export function toCondition(
  key: KvBytes,
  expected: KvExpected,
  name = "expected",
): MessageInitShape<typeof ConditionSchema> {
  const parts = ["value", "exists", "modRevision"].filter((part) => part in expected);
  if (parts.length !== 1) {
    throw new KvInvalidArgumentError(`${name} needs value, exists or modRevision, and one of them alone`);
  }
  const bytes = keyBytes(key);
  if ("value" in expected) {
    return { key: bytes, expected: { case: "value", value: valueBytes(expected.value) } };
  }
  if ("exists" in expected) return { key: bytes, expected: { case: "exists", value: expected.exists } };
  const modRevision = toRevision("modRevision", expected.modRevision);
  return { key: bytes, expected: { case: "modRevision", value: modRevision } };
}

/** @throws {KvInvalidArgumentError} for a batch that no server would do */
export function checkBatch(conditions: readonly KvCondition[], operations: readonly KvOperation[]): void {
  const parts = conditions.length + operations.length;
  if (parts === 0) throw new KvInvalidArgumentError("the batch is empty");
  if (parts > MAX_BATCH_PARTS) {
    throw new KvInvalidArgumentError(
      `the batch has ${parts} operations and conditions, more than ${MAX_BATCH_PARTS}`,
    );
  }
}

/** The conditions and operations of a batch as they are sent. */
export function toBatch(
  conditions: readonly KvCondition[],
  operations: readonly KvOperation[],
): {
  readonly conditions: MessageInitShape<typeof ConditionSchema>[];
  readonly operations: MessageInitShape<typeof OperationSchema>[];
} {
  checkBatch(conditions, operations);
  const batch = {
    conditions: conditions.map((condition, at) => toCondition(condition.key, condition, `condition ${at}`)),
    operations: operations.map((operation, at) => toOperation(operation, at)),
  };
  let bytes = 0;
  for (const { key, expected } of batch.conditions) {
    bytes += key?.length ?? 0;
    if (expected?.case === "value") bytes += expected.value.length;
  }
  for (const { operation } of batch.operations) {
    if (operation?.case === undefined) continue;
    bytes += operation.value.key?.length ?? 0;
    if ("value" in operation.value) bytes += operation.value.value?.length ?? 0;
  }
  if (bytes > MAX_BATCH_BYTES) {
    throw new KvInvalidArgumentError(
      `the keys and values of the batch have ${bytes} bytes, more than ${MAX_BATCH_BYTES}`,
    );
  }
  return batch;
}

export function toConsistency(consistency: KvConsistency): Consistency {
  switch (consistency) {
    case "linearizable":
      return Consistency.LINEARIZABLE;
    case "lease":
      return Consistency.LEASE;
    case "stale":
      return Consistency.STALE;
  }
  throw new KvInvalidArgumentError(
    `consistency is ${JSON.stringify(consistency)}, not one of ${CONSISTENCIES.join(", ")}`,
  );
}

export function toRevision(name: string, revision: number): bigint {
  return BigInt(checkWhole(name, revision, 1, Number.MAX_SAFE_INTEGER));
}

export function checkWhole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new KvInvalidArgumentError(`${name} is ${value}, not a whole number from ${min} to ${max}`);
}

function toOperation(operation: KvOperation, at: number): MessageInitShape<typeof OperationSchema> {
  const key = keyBytes(operation.key, `the key of operation ${at}`);
  switch (operation.op) {
    case "get":
      return { operation: { case: "get", value: { key } } };
    case "delete":
      return { operation: { case: "delete", value: { key } } };
    case "put":
    case "append": {
      const value = valueBytes(operation.value, `the value of operation ${at}`);
      return { operation: { case: operation.op, value: { key, value } } };
    }
  }
  throw new KvInvalidArgumentError(
    `operation ${at} is ${JSON.stringify((operation as { readonly op: unknown }).op)}, not get, put, append or delete`,
  );
}

/** The bytes are copied: what is sent must not change while it is sent again. */
function toBytes(bytes: KvBytes, name: string): Uint8Array {
  if (typeof bytes === "string") {
    // UTF-8 has no lone surrogates. What would be written is not what was passed.
    if (!bytes.isWellFormed()) {
      throw new KvInvalidArgumentError(`${name} is not well-formed Unicode: it has a lone surrogate`);
    }
    return encoder.encode(bytes);
  }
  if (bytes instanceof Uint8Array) return new Uint8Array(bytes);
  throw new KvInvalidArgumentError(`${name} is neither a string nor a Uint8Array`);
}

function limited(bytes: Uint8Array, name: string, maxBytes: number): Uint8Array {
  if (bytes.length <= maxBytes) return bytes;
  throw new KvInvalidArgumentError(`${name} has ${bytes.length} bytes, more than ${maxBytes}`);
}
