import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Failure, FailureSchema, Reason } from "@eraft/proto/eraft/kv/v1";
import { NotLeaderError, OutcomeUnknownError, RaftError, TimeoutError } from "@eraft/runtime";
import { KvInvalidArgumentError } from "../errors.ts";
import { faultMessage } from "../state/fault-message.ts";
import type { RefusalReason } from "../state/result.ts";

/** The node did not answer in the time that this server gives a call. */
export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";

  constructor() {
    super("no answer in time");
  }
}

export function failure(
  reason: Reason,
  message: string,
  details: {
    readonly outcomeUnknown?: boolean;
    readonly leaderAddress?: string;
    readonly firstRevision?: number;
  } = {},
): Failure {
  const { outcomeUnknown = false, leaderAddress = "", firstRevision = 0 } = details;
  return create(FailureSchema, {
    reason,
    message,
    outcomeUnknown,
    leaderAddress,
    firstRevision: BigInt(firstRevision),
  });
}

export function invalid(message: string): Failure {
  return failure(Reason.INVALID, message);
}

/** Nobody waits any longer. */
export function lateFailure(outcomeUnknown: boolean): Failure {
  return failure(Reason.TIMEOUT, "no answer before the caller's deadline", { outcomeUnknown });
}

/** This server ends, and with it what goes on for long. */
export function stoppingFailure(): Failure {
  return failure(Reason.NOT_SERVING, "This server is stopping. Go on at another one.");
}

/** Of a request with a fault that this server has seen before anything was proposed. */
export function faultFailure(fault: RefusalReason): Failure {
  return invalid(faultMessage(fault));
}

/** Of a write that the state machine has refused. Nothing was done, but for what is said of sessions. */
export function refusalFailure(reason: RefusalReason): Failure {
  return failure(refusalReason(reason), faultMessage(reason), {
    outcomeUnknown: reason === "sessionExpired" || reason === "sequenceOutOfWindow",
  });
}

function refusalReason(reason: RefusalReason): Reason {
  switch (reason) {
    case "valueTooLarge":
      return Reason.VALUE_TOO_LARGE;
    case "storeFull":
      return Reason.STORE_FULL;
    case "answerTooLarge":
      return Reason.ANSWER_TOO_LARGE;
    case "sessionExpired":
      return Reason.SESSION_EXPIRED;
    case "sequenceOutOfWindow":
      return Reason.SEQUENCE_OUT_OF_WINDOW;
    case "malformed":
    case "unknownOp":
    case "noOperation":
    case "emptyKey":
    case "keyTooLong":
    case "tooManyOperations":
    case "writeTooLarge":
    case "noExpectation":
    case "badRevision":
    case "badSerial":
    case "notText":
      return Reason.INVALID;
  }
}

/** Translates, once and here, what the node says into what the caller should do next. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TimeLimitError) return failure(Reason.TIMEOUT, error.message);
  if (error instanceof NotLeaderError) {
    return failure(Reason.NOT_LEADER, error.message, { leaderAddress: error.leaderAddress ?? "" });
  }
  if (error instanceof OutcomeUnknownError) {
    return failure(unknownReason(error.cause), error.message, { outcomeUnknown: true });
  }
  if (error instanceof KvInvalidArgumentError) return invalid(error.message);
  if (error instanceof RaftError) return raftFailure(error);
  throw error;
}

/** What to do next does not depend on whether it was done, only who is to be asked. */
function unknownReason(cause: unknown): Reason {
  if (cause instanceof TimeLimitError || cause instanceof TimeoutError) return Reason.TIMEOUT;
  return cause instanceof RaftError ? Reason.NOT_SERVING : Reason.NOT_LEADER;
}

function raftFailure(error: RaftError): Failure {
  switch (error.code) {
    case "BUSY":
      return failure(Reason.BUSY, error.message);
    case "INVALID_COMMAND":
      return invalid(error.message);
    case "TRANSFERRING":
    case "NOT_LEADER":
      // It will be another server in a moment.
      return failure(Reason.NOT_LEADER, error.message);
    case "NOT_STARTED":
    case "STOPPED":
      return failure(Reason.NOT_SERVING, error.message);
    case "STORAGE_FAILED":
    case "STATE_MACHINE_FAILED":
    case "TRANSPORT_FAILED":
    case "INVARIANT_BROKEN":
      // The messages of these name files and addresses of the server, which are no business of its clients.
      return failure(Reason.NOT_SERVING, `This server has failed (${error.code}). Ask another one.`);
    case "TIMEOUT":
      return failure(Reason.TIMEOUT, error.message);
    case "INVALID_OPTION":
    case "SESSION_EXPIRED":
    case "TRANSFER_FAILED":
    case "CHANGE_PENDING":
    case "CHANGE_REFUSED":
    case "OUTCOME_UNKNOWN":
      throw error;
  }
}

/** The status with which a call ends, with the failure among its details. */
export function connectError(value: Failure): ConnectError {
  return new ConnectError(value.message, codeOf(value.reason), undefined, [{ desc: FailureSchema, value }]);
}

function codeOf(reason: Reason): Code {
  switch (reason) {
    case Reason.NOT_LEADER:
    case Reason.NOT_SERVING:
      return Code.Unavailable;
    case Reason.BUSY:
    case Reason.TOO_SLOW:
      return Code.ResourceExhausted;
    case Reason.TIMEOUT:
      return Code.DeadlineExceeded;
    case Reason.INVALID:
      return Code.InvalidArgument;
    case Reason.VALUE_TOO_LARGE:
    case Reason.STORE_FULL:
    case Reason.ANSWER_TOO_LARGE:
    case Reason.SESSION_EXPIRED:
    case Reason.SEQUENCE_OUT_OF_WINDOW:
      return Code.FailedPrecondition;
    case Reason.COMPACTED:
    case Reason.FUTURE_REVISION:
      return Code.OutOfRange;
    case Reason.UNSPECIFIED:
      return Code.Internal;
  }
  // There is no other reason that this server would give.
  return Code.Internal;
}
