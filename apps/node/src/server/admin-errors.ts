import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason, RefusalSchema } from "@eraft/proto/eraft/admin/v1";
import { ChangeRefusedError, type NodeStatus, RaftError, TransferFailedError } from "@eraft/runtime";

/** What is told to an operator whose request ended in `error`: a Refusal if it was certainly not done. */
export function refusalOf(
  error: unknown,
  status: Pick<NodeStatus, "leaderId" | "leaderAddress">,
): ConnectError {
  if (!(error instanceof RaftError)) return ConnectError.from(error);
  const refuse = (code: Code, reason: RefusalReason, text: string): ConnectError => {
    const value = create(RefusalSchema, {
      reason,
      leaderId: BigInt(status.leaderId ?? -1),
      leaderAddress: status.leaderAddress ?? "",
    });
    return new ConnectError(text, code, undefined, [{ desc: RefusalSchema, value }]);
  };
  const text =
    error instanceof ChangeRefusedError || error instanceof TransferFailedError
      ? error.reason
      : error.message;
  switch (error.code) {
    case "NOT_LEADER":
      return refuse(Code.FailedPrecondition, RefusalReason.NOT_LEADER, text);
    case "CHANGE_PENDING":
    case "TRANSFERRING":
    case "BUSY":
    case "NOT_STARTED":
    case "STOPPED":
    case "TIMEOUT":
      return refuse(Code.Unavailable, RefusalReason.LATER, text);
    case "CHANGE_REFUSED":
    case "INVALID_OPTION":
    case "INVALID_COMMAND":
      return refuse(Code.FailedPrecondition, RefusalReason.IMPOSSIBLE, text);
    case "TRANSFER_FAILED":
      return refuse(Code.Aborted, RefusalReason.NO_SUCCESSOR, text);
    case "STORAGE_FAILED":
    case "STATE_MACHINE_FAILED":
    case "TRANSPORT_FAILED":
    case "INVARIANT_BROKEN":
      return refuse(Code.Unavailable, RefusalReason.LATER, text);
    case "OUTCOME_UNKNOWN":
    case "SESSION_EXPIRED":
      return new ConnectError(text, Code.Unknown);
  }
}
