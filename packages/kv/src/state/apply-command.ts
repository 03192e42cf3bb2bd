import type { LogIndex } from "@eraft/core";
import type { ClientTable, SessionTable } from "@eraft/runtime";
import { Op } from "@eraft/proto/kvraftpb";
import { outcomeOf } from "./apply-write.ts";
import type { ByteString } from "./byte-string.ts";
import { type LoggedCommand, readTextCommand } from "./command.ts";
import type { History } from "./history.ts";
import type { ItemTable } from "./items.ts";
import { type KeptResult, keptResult, recalledResult } from "./kept-result.ts";
import type { StateLimits } from "./limits.ts";
import { type LoggedWrites, type SerialWrite, decodeWrites, isLoggedWrites } from "./logged-writes.ts";
import { type KvResult, type KvTextResult, type WriteResult, refused } from "./result.ts";
import { textResultOf, writeOf } from "./text-command.ts";
import type { Write } from "./write.ts";

/** What commands are applied to, wherever it is kept. */
export interface CommandState {
  readonly table: ItemTable;
  /** Says which revision the state has, too. */
  readonly history: History;
  /** Of eraft.kv.v1, which are opened. */
  readonly sessions: SessionTable<KeptResult>;
  /** Of kvraftpb, which name themselves. */
  readonly clients: ClientTable<KvTextResult>;
}

/** A command of the log, read; null if its bytes are none. */
export type ReadCommand = LoggedWrites | LoggedCommand | null;

/** Never throws: whatever is in the log needs an answer. */
export function readCommand(bytes: Uint8Array): ReadCommand {
  return isLoggedWrites(bytes) ? decodeWrites(bytes) : readTextCommand(bytes);
}

/** The keys whose items decide what `command` does and gives: it looks at no others. Some may come more than once. */
export function keysOf(command: ReadCommand): ByteString[] {
  if (command === null) return [];
  if (!("writes" in command)) return [command.key];
  return command.writes.flatMap(({ write }) => [
    ...write.conditions.map(({ key }) => key),
    ...write.operations.map(({ key }) => key),
  ]);
}

/** Does what `command`, the one at `index` of the log, says. */
export function applyCommand(
  state: CommandState,
  limits: StateLimits,
  index: LogIndex,
  command: ReadCommand,
): KvResult {
  if (command === null) return refused("malformed");
  if (!("writes" in command)) return applyText(state, limits, command);
  if (command.opensSession) return { status: "sessionOpened", sessionId: state.sessions.open(index) };
  const results = command.writes.map((one) => applySerial(state, limits, index, one));
  return { status: "written", results };
}

/** Dissertation, 6.3: a write that was done before is not done again, but has the answer it had. */
function applySerial(
  state: CommandState,
  limits: StateLimits,
  index: LogIndex,
  { write, serial }: SerialWrite,
): WriteResult {
  if (serial === null) return applyWrite(state, limits, write);
  const claim = state.sessions.claim(index, serial);
  switch (claim.type) {
    case "new": {
      const result = applyWrite(state, limits, write);
      claim.slot.settle(keptResult(result, write, state));
      return result;
    }
    case "repeated":
      return recalledResult(claim.slot.result, write, state) ?? refused("sequenceOutOfWindow");
    case "expired":
      return refused("sessionExpired");
    case "outOfWindow":
      return refused("sequenceOutOfWindow");
  }
}

function applyText(state: CommandState, limits: StateLimits, command: LoggedCommand): KvTextResult {
  switch (command.op) {
    case Op.GET:
      // Reads are never answered from a session: a retried read may as well see what was written since.
      return performText(state, limits, command);
    case Op.PUT:
    case Op.APPEND:
      return writeOnce(state, limits, command);
    default:
      return refused("unknownOp");
  }
}

/**
 * Dissertation, 6.3. A refusal is remembered like a success. Otherwise: an APPEND is refused as too large, the answer is lost, somebody
 * makes the value shorter, and the retry of a command that has been answered takes effect.
 */
function writeOnce(state: CommandState, limits: StateLimits, command: LoggedCommand): KvTextResult {
  const { clientId, commandId } = command;
  if (clientId === 0n) return performText(state, limits, command);
  return state.clients.once(clientId, commandId, () => performText(state, limits, command));
}

function performText(state: CommandState, limits: StateLimits, command: LoggedCommand): KvTextResult {
  const write = writeOf(command);
  return "status" in write ? write : textResultOf(command.op, applyWrite(state, limits, write));
}

function applyWrite({ table, history }: CommandState, limits: StateLimits, write: Write): WriteResult {
  const outcome = outcomeOf(write, table, history.revision + 1, limits);
  switch (outcome.type) {
    case "refused":
      return refused(outcome.reason);
    case "conditionFailed":
      return {
        status: "conditionFailed",
        revision: history.revision,
        condition: outcome.condition,
        item: outcome.item,
      };
    case "done":
      for (const { key, item } of outcome.changes) {
        if (item === null) table.delete(key);
        else table.set(key, item);
      }
      if (outcome.changes.length > 0) history.push(outcome.changes);
      return { status: "done", revision: history.revision, results: outcome.results };
  }
}
