import { ConnectError } from "@connectrpc/connect";
import { type Failure, FailureSchema, Reason } from "@eraft/proto/eraft/kv/v1";
import { type Verdict, failed, judgeStatus } from "./verdict.ts";

/** What a server says of why it did not answer; null if it says nothing that can be understood. */
export function failureOf(error: ConnectError): Failure | null {
  return error.findDetails(FailureSchema)[0] ?? null;
}

/** Judges an error of `eraft.kv.v1`. Without a `Failure` it comes from something in between, or from the connection, and only its status counts. */
export function judgeError(reason: unknown): Verdict<never> {
  const error = ConnectError.from(reason);
  const failure = failureOf(error);
  return failure === null ? judgeStatus(error) : judgeFailure(failure, error);
}

export function judgeFailure(failure: Failure, error: Error): Verdict<never> {
  const effect = failure.outcomeUnknown ? "possible" : "none";
  switch (failure.reason) {
    case Reason.NOT_LEADER:
      return failed(error, effect, { hint: failure.leaderAddress === "" ? null : failure.leaderAddress });
    case Reason.BUSY:
      return failed(error, effect, { busy: true });
    case Reason.TIMEOUT:
    case Reason.NOT_SERVING:
      return failed(error, effect);
    case Reason.INVALID:
      return { type: "refused", reason: "invalid", final: false, error };
    case Reason.VALUE_TOO_LARGE:
      return { type: "refused", reason: "valueTooLarge", final: true, error };
    case Reason.STORE_FULL:
      return { type: "refused", reason: "storeFull", final: true, error };
    case Reason.ANSWER_TOO_LARGE:
      return { type: "refused", reason: "answerTooLarge", final: true, error };
    case Reason.SESSION_EXPIRED:
      return { type: "refused", reason: "sessionExpired", final: false, error };
    case Reason.SEQUENCE_OUT_OF_WINDOW:
      return { type: "refused", reason: "outOfWindow", final: false, error };
    case Reason.COMPACTED:
    case Reason.FUTURE_REVISION:
    case Reason.TOO_SLOW:
    case Reason.UNSPECIFIED:
    default:
      // Of watches, or of a later version of the contract.
      return failed(error, effect);
  }
}
