import { Op } from "@eraft/proto/kvraftpb";
import { textOf } from "./byte-string.ts";
import { type LoggedCommand, loggedFault } from "./command.ts";
import type { Item } from "./items.ts";
import { type KvTextResult, NO_KEY, WRITTEN, type WriteResult, refused } from "./result.ts";
import type { Operation, Write } from "./write.ts";

/** A `kvraftpb.CommandRequest` as what it does to the state. A command that has a fault does nothing. */
export function writeOf(command: LoggedCommand): Write | KvTextResult {
  const fault = loggedFault(command);
  return fault === null ? { conditions: [], operations: [operationOf(command)] } : refused(fault);
}

function operationOf({ op, key, value }: LoggedCommand): Operation {
  if (op === Op.GET) return { type: "get", key };
  return { type: op === Op.APPEND ? "append" : "put", key, value };
}

/** What is said of it to somebody who sent such a command. */
export function textResultOf(op: number, result: WriteResult): KvTextResult {
  if (result.status === "refused") return result;
  if (op !== Op.GET) return WRITTEN;
  const item = (result.status === "done" && result.results[0]?.item) || null;
  return item === null ? NO_KEY : textResultOfItem(item);
}

export function textResultOfItem({ value }: Item): KvTextResult {
  const text = textOf(value);
  return text === null ? refused("notText") : { status: "ok", value: text };
}
