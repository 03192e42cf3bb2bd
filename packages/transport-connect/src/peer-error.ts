import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What to do about a message that did not arrive.
 *
 * - `unreachable`: nobody answers at that address, or the connection broke. Try again later.
 * - `timeout`: no answer within the deadline. The peer may or may not have done what it was asked.
 * - `unavailable`: the peer is starting, stopping or cannot write. Try again later.
 * - `busy`: too much is under way, here or at the peer; or the peer takes only smaller messages. Send less.
 * - `tooLarge`: it can never be sent over this wire. Raise the limit at both ends, or make it smaller.
 * - `refused`: the peer will not have it from us. An operator must look at the configuration of the cluster.
 * - `unsupported`: the peer does not speak raftpb.RaftService.
 * - `invalidReply`: no correct peer answers like this.
 * - `stopped`: this transport was stopped, or the peer removed, before the answer came.
 */
export type PeerErrorCode =
  | "unreachable"
  | "timeout"
  | "unavailable"
  | "busy"
  | "tooLarge"
  | "refused"
  | "unsupported"
  | "invalidReply"
  | "stopped";

/** Why a message or a snapshot was probably not delivered. The text starts with the peer's address. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly code: PeerErrorCode;

  constructor(code: PeerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Translates whatever a call to `address` failed with. The only place that knows Connect's codes and Node's. */
export function peerErrorFrom(reason: unknown, address: string, deadlineMs: number): PeerError {
  if (reason instanceof PeerError) return reason;
  const error = ConnectError.from(reason);
  const [code, text] = explain(error, deadlineMs);
  return new PeerError(code, `${address}: ${text}`, { cause: reason });
}

function explain(error: ConnectError, deadlineMs: number): [PeerErrorCode, string] {
  const text = error.rawMessage;
  switch (error.code) {
    case Code.DeadlineExceeded:
      return ["timeout", `no answer within ${deadlineMs} ms`];
    case Code.Unavailable:
      return systemText(error) ?? ["unavailable", text];
    // Ours are told apart before: what is left is the peer's process dying in the middle of a call.
    case Code.Canceled:
      return ["unreachable", "connection lost before the answer"];
    case Code.Aborted:
      return systemText(error) ?? ["unreachable", text];
    case Code.ResourceExhausted:
      return ["busy", text];
    case Code.Unimplemented:
      return ["unsupported", text];
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
    case Code.PermissionDenied:
    case Code.Unauthenticated:
    case Code.NotFound:
    case Code.AlreadyExists:
    case Code.OutOfRange:
      return ["refused", text];
    case Code.Internal:
      // A request that crosses the peer's GOAWAY on the wire was not processed; Node reports it like a broken protocol.
      if (text.includes("REFUSED_STREAM")) return ["unreachable", "connection was being closed by the peer"];
      if (text.startsWith("parse binary")) return ["invalidReply", `not a valid answer: ${text}`];
      return systemText(error) ?? ["unavailable", text];
    case Code.DataLoss:
    case Code.Unknown:
      return systemText(error) ?? ["unavailable", text];
  }
}

const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "host not found",
  EAI_AGAIN: "host name could not be resolved",
  ETIMEDOUT: "no connection in time",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network unreachable",
  EPIPE: "connection lost",
  ERR_HTTP2_SESSION_ERROR: "connection lost before the answer",
  ERR_HTTP2_GOAWAY_SESSION: "connection was being closed by the peer",
};

/** The operating system's own reason, if one is in the chain of causes. */
function systemText(error: ConnectError): [PeerErrorCode, string] | null {
  let reason: unknown = error;
  for (let depth = 0; depth < 8 && reason instanceof Error; depth += 1) {
    if ("code" in reason && typeof reason.code === "string") {
      const text = SYSTEM_TEXTS[reason.code];
      if (text !== undefined) return ["unreachable", text];
    }
    reason = reason.cause;
  }
  return null;
}
