import { Op } from "@eraft/proto/kvraftpb";
import { textOf, utf8Of } from "./byte-string.ts";
import { type KvCommand, commandFault } from "./command.ts";
import type { Item } from "./items.ts";
import { type KvTextResult, NO_KEY, WRITTEN, type WriteResult, refused } from "./result.ts";
import { valueOfString } from "./value.ts";
import type { Operation, Write } from "./write.ts";

/** A `kvraftpb.CommandRequest` as what it does to the state. A command that has a fault does nothing. */
export function writeOf(command: KvCommand): Write | KvTextResult {
  const fault = commandFault(command);
  return fault === null ? { conditions: [], operations: [operationOf(command)] } : refused(fault);
}

function operationOf({ op, key, value }: KvCommand): Operation {
  if (op === Op.GET) return { type: "get", key: utf8Of(key) };
  const type = op === Op.APPEND ? "append" : "put";
  return { type, key: utf8Of(key), value: valueOfString(utf8Of(value)) };
}

/** What is said of it to somebody who sent such a command. */
export function textResultOf(op: Op, result: WriteResult): KvTextResult {
  if (result.status === "refused") return result;
  if (op !== Op.GET) return WRITTEN;
  const item = (result.status === "done" && result.results[0]?.item) || null;
  return item === null ? NO_KEY : textResultOfItem(item);
}

export function textResultOfItem({ value }: Item): KvTextResult {
  const text = textOf(value);
  return text === null ? refused("notText") : { status: "ok", value: text };
}
