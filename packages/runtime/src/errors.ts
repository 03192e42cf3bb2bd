import type { NodeId } from "@eraft/core";

/**
 * What a caller may do with a request that ended in an error.
 *
 * - `elsewhere`: it was not done here; try another server now.
 * - `later`: it was not done here; try again after a pause.
 * - `only-if-idempotent`: it may have been done, or may still be. Repeat it only if doing it twice is harmless, as with a session.
 * - `never`: it would fail in the same way again.
 */
export type Retry = "elsewhere" | "later" | "only-if-idempotent" | "never";

export type RaftErrorCode =
  | "NOT_LEADER"
  | "BUSY"
  | "TRANSFERRING"
  | "TRANSFER_FAILED"
  | "CHANGE_PENDING"
  | "CHANGE_REFUSED"
  | "OUTCOME_UNKNOWN"
  | "INVALID_COMMAND"
  | "INVALID_OPTION"
  | "NOT_STARTED"
  | "SESSION_EXPIRED"
  | "STOPPED"
  | "TIMEOUT"
  | "STORAGE_FAILED"
  | "STATE_MACHINE_FAILED"
  | "TRANSPORT_FAILED"
  | "INVARIANT_BROKEN";

/** The base of every error that a {@link RaftNode} rejects with. `code` and `retry` are stable; the message is for people. */
export abstract class RaftError extends Error {
  abstract readonly code: RaftErrorCode;
  abstract readonly retry: Retry;
}

/** Not done: this server does not lead. Ask the one at `leaderAddress`, or any other when it is null. */
export class NotLeaderError extends RaftError {
  override readonly name = "NotLeaderError";
  readonly code = "NOT_LEADER";
  readonly retry = "elsewhere";
  /** Who leads, as far as this server knows. */
  readonly leaderId: NodeId | null;
  readonly leaderAddress: string | null;

  constructor(leaderId: NodeId | null, leaderAddress: string | null) {
    super(
      leaderId === null
        ? "This server does not lead, and knows no leader. Nothing was done: try another server, or again after a pause."
        : `This server does not lead. Nothing was done: ask server ${leaderId} at ${leaderAddress ?? "an unknown address"}.`,
    );
    this.leaderId = leaderId;
    this.leaderAddress = leaderAddress;
  }
}

/** Not done: too many requests are waiting already. */
export class BusyError extends RaftError {
  override readonly name = "BusyError";
  readonly code = "BUSY";
  readonly retry = "later";

  constructor() {
    super(
      "Too many requests are waiting. Nothing was done: try again after a pause, and send fewer at a time.",
    );
  }
}

/** The proposal or the change of members is in the log of this server at least. It may have been done, may still be, or may vanish. */
export class OutcomeUnknownError extends RaftError {
  override readonly name = "OutcomeUnknownError";
  readonly code = "OUTCOME_UNKNOWN";
  readonly retry = "only-if-idempotent";

  constructor(why: string, options: ErrorOptions & { readonly effect?: Effect } = {}) {
    const { effect = "command", ...rest } = options;
    super(`${why} ${ADVICE[effect]}`, rest);
  }
}

/** What a request may have done when nobody can tell whether it did. */
export type Effect = "command" | "change";

const ADVICE: Readonly<Record<Effect, string>> = {
  command:
    "The command may have been applied, or may still be: repeat it only if doing it twice is harmless.",
  change:
    "The members may have been changed, or may still be: look at the leader's membership() before you repeat it.",
};

/** Not done: the command is empty, too large, or could not be encoded. */
export class InvalidCommandError extends RaftError {
  override readonly name = "InvalidCommandError";
  readonly code = "INVALID_COMMAND";
  readonly retry = "never";
}

/** An option of the node that cannot work; the message names it. */
export class InvalidOptionError extends RaftError {
  override readonly name = "InvalidOptionError";
  readonly code = "INVALID_OPTION";
  readonly retry = "never";
}

/** Not done, in the time that the caller gave it. */
export class TimeoutError extends RaftError {
  override readonly name = "TimeoutError";
  readonly code = "TIMEOUT";
  readonly retry = "later";
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`It took longer than timeoutMs (${timeoutMs}). Nothing was done: try again, or give it more time.`);
    this.timeoutMs = timeoutMs;
  }
}

/** The session of a write is not known any more, and an earlier attempt of that write may have been done: nobody can tell. */
export class SessionExpiredError extends RaftError {
  override readonly name = "SessionExpiredError";
  readonly code = "SESSION_EXPIRED";
  readonly retry = "only-if-idempotent";

  constructor() {
    super(
      "The session of this write has expired while its outcome was not known. The command may have been applied, once: repeat it only if doing it twice is harmless.",
    );
  }
}

/** Not done: `start` has not resolved yet. */
export class NotStartedError extends RaftError {
  override readonly name = "NotStartedError";
  readonly code = "NOT_STARTED";
  readonly retry = "later";

  constructor() {
    super("This node has not started. Nothing was done: await its start() first.");
  }
}

/** Not done: the node was stopped. */
export class StoppedError extends RaftError {
  override readonly name = "StoppedError";
  readonly code = "STOPPED";
  readonly retry = "elsewhere";

  constructor() {
    super("This node was stopped. Nothing was done: ask another server.");
  }
}

/**
 * The node has failed and stays so until the process makes a new one. Requests that reject with it were not done.
 * `cause` is what went wrong.
 */
export abstract class NodeFailedError extends RaftError {
  abstract override readonly code: FailureCode;
  readonly retry = "elsewhere";

  constructor(what: string, advice: string, cause: unknown) {
    super(`${what}: ${messageOf(cause)}. ${advice}`, { cause });
  }
}

export type FailureCode = "STORAGE_FAILED" | "STATE_MACHINE_FAILED" | "TRANSPORT_FAILED" | "INVARIANT_BROKEN";

/** The storage rejected, so it is unknown what it holds. Opening it again, after what was wrong is repaired, finds out. */
export class StorageFailedError extends NodeFailedError {
  override readonly name = "StorageFailedError";
  readonly code = "STORAGE_FAILED";

  constructor(cause: unknown) {
    super("The storage failed", "This node has stopped serving: repair the storage and restart it.", cause);
  }
}

/** The state machine rejected, so its state can no longer be trusted. A restart rebuilds it from the storage. */
export class StateMachineFailedError extends NodeFailedError {
  override readonly name = "StateMachineFailedError";
  readonly code = "STATE_MACHINE_FAILED";

  constructor(cause: unknown) {
    super(
      "The state machine failed",
      "This node has stopped serving: restart it to rebuild its state from the log.",
      cause,
    );
  }
}

/** The transport could not start, for example because its address is in use. */
export class TransportFailedError extends NodeFailedError {
  override readonly name = "TransportFailedError";
  readonly code = "TRANSPORT_FAILED";

  constructor(cause: unknown) {
    super(
      "The transport could not start",
      "This node does not serve: check its address and start a new one.",
      cause,
    );
  }
}

/** This server's own state contradicts itself: a bug, or bad memory. It stopped before it could do harm. */
export class InvariantBrokenError extends NodeFailedError {
  override readonly name = "InvariantBrokenError";
  readonly code = "INVARIANT_BROKEN";

  constructor(cause: unknown) {
    super(
      "An invariant is broken",
      "This node has stopped serving: please report this, then restart it.",
      cause,
    );
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
