import type { KvBatchResult, KvCondition, KvOperation } from "@eraft/kv";
import { jsonItem } from "./item-json.ts";
import { JsonFields, parseJson } from "./json-fields.ts";

export interface BatchInput {
  readonly when: readonly KvCondition[];
  readonly operations: readonly KvOperation[];
}

/** Reads what `eraft batch` is given. @throws {JsonInputError} */
export function parseBatch(where: string, text: string): BatchInput {
  const document = new JsonFields(where, parseJson(where, text));
  const when = document.list("when").map((value, at) => conditionOf(`${where}: condition ${at}`, value));
  const operations = document.list("do").map((value, at) => operationOf(`${where}: operation ${at}`, value));
  document.end();
  if (operations.length === 0) throw document.error('has no operations: {"do": [...]}');
  return { when, operations };
}

/** What `eraft batch --json` prints. */
export function batchJson(
  operations: readonly KvOperation[],
  answer: KvBatchResult<readonly KvOperation[]>,
): object {
  if (!answer.done) return answerOfFailure(answer);
  const results = operations.map(({ op }, at) => {
    const result = answer.results[at];
    if (op === "delete") return { deleted: result === true };
    if (op !== "get") return {};
    return { item: typeof result === "object" && result !== null ? jsonItem(result) : null };
  });
  return { done: true, revision: answer.revision, results };
}

function answerOfFailure(answer: { readonly revision: number; readonly failedCondition: number }): object {
  return { done: false, revision: answer.revision, failed_condition: answer.failedCondition };
}

function conditionOf(where: string, value: unknown): KvCondition {
  const fields = new JsonFields(where, value);
  const key = fields.bytes("key");
  const given = ["value", "value_base64", "exists", "mod_revision"].filter((name) => fields.has(name));
  if (given.length !== 1) {
    const what = given.length === 0 ? "nothing" : given.join(" and ");
    throw fields.error(`has ${what}: one of value, value_base64, exists and mod_revision is needed`);
  }
  const condition = expectedOf(key, given[0] ?? "", fields);
  fields.end();
  return condition;
}

function expectedOf(key: Uint8Array, name: string, fields: JsonFields): KvCondition {
  if (name === "mod_revision") return { key, modRevision: fields.whole(name, 1) };
  if (name !== "exists") return { key, value: fields.bytes("value") };
  const exists = fields.take(name);
  if (typeof exists !== "boolean") throw fields.error("has an exists that is neither true nor false");
  return { key, exists };
}

function operationOf(where: string, value: unknown): KvOperation {
  const fields = new JsonFields(where, value);
  const op = fields.take("op");
  if (op !== "get" && op !== "put" && op !== "append" && op !== "delete") {
    throw fields.error(`has ${JSON.stringify(op) ?? "nothing"} as op, not one of get, put, append, delete`);
  }
  const key = fields.bytes("key");
  const operation: KvOperation =
    op === "put" || op === "append" ? { op, key, value: fields.bytes("value") } : { op, key };
  fields.end();
  return operation;
}
