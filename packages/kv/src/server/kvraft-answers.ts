import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CommandResponse, CommandResponseSchema } from "@eraft/proto/kvraftpb";
import { BusyError, NotLeaderError, OutcomeUnknownError, RaftError, TransferringError } from "@eraft/runtime";
import { KvNotTextError } from "../errors.ts";
import { LEADER_HEADER, type WireError } from "../protocol.ts";
import { faultMessage } from "../state/fault-message.ts";
import { type KvTextResult, NO_KEY, isTextResult, refused } from "../state/result.ts";
import type { KvCallContext } from "./kvraft-context.ts";

export function response(err: WireError, value = ""): CommandResponse {
  return create(CommandResponseSchema, { err, value });
}

export function resultResponse(result: KvTextResult): CommandResponse {
  switch (result.status) {
    case "ok":
      return response("OK", result.value);
    case "noKey":
      return response("ErrNoKey");
    case "refused":
      throw new ConnectError(faultMessage(result.reason), Code.FailedPrecondition);
  }
}

/** Translates, once and here, what the node says into what the caller should do next. */
export function errorResponse(error: unknown, context: KvCallContext): CommandResponse {
  if (error instanceof NotLeaderError) {
    setLeaderHint(context.responseHeader, error.leaderAddress);
    return response("ErrWrongLeader");
  }
  // It will be another server in a moment, or this one again.
  if (error instanceof TransferringError) return response("ErrWrongLeader");
  // The Go contract has no better word for "it may have been done": retry with the same ids.
  if (error instanceof OutcomeUnknownError) return response("ErrTimeout");
  if (error instanceof RaftError) throw statusError(error);
  if (error instanceof KvNotTextError) return resultResponse(refused("notText"));
  throw error;
}

/** One for all, and frozen, so that transports may have it ready: when it is given there is time for nothing else. */
const BUSY = Object.freeze(new ConnectError(new BusyError().message, Code.ResourceExhausted));

function statusError(error: RaftError): ConnectError {
  switch (error.code) {
    case "BUSY":
      return BUSY;
    case "INVALID_COMMAND":
      return new ConnectError(error.message, Code.InvalidArgument);
    case "NOT_STARTED":
    case "STOPPED":
      return new ConnectError(error.message, Code.Unavailable);
    case "STORAGE_FAILED":
    case "STATE_MACHINE_FAILED":
    case "TRANSPORT_FAILED":
    case "INVARIANT_BROKEN":
      // The messages of these name files and addresses of the server, which are no business of its clients.
      return new ConnectError(`This server has failed (${error.code}). Ask another one.`, Code.Unavailable);
    case "INVALID_OPTION":
    case "NOT_LEADER":
    case "TRANSFERRING":
    case "TRANSFER_FAILED":
    case "CHANGE_PENDING":
    case "CHANGE_REFUSED":
    case "OUTCOME_UNKNOWN":
    case "SESSION_EXPIRED":
    case "TIMEOUT":
      return new ConnectError(error.message, Code.Internal);
  }
}

/** An address that cannot be a header's value is left out: without the hint clients find the leader all the same. */
function setLeaderHint(headers: Headers, address: string | null): void {
  if (address !== null && /^[\x21-\x7e]+$/.test(address)) headers.set(LEADER_HEADER, address);
}

/** What a read of the node has come to. */
export function readResult(value: unknown): KvTextResult {
  if (value === undefined) return NO_KEY;
  if (typeof value === "string") return { status: "ok", value };
  throw new NoStoreError();
}

/** What a proposal has come to. */
export function textResult(result: unknown): KvTextResult {
  if (isTextResult(result)) return result;
  throw new NoStoreError();
}

export class NoStoreError extends Error {
  override readonly name = "NoStoreError";

  constructor() {
    super("the node's state machine is not a key-value store");
  }
}
