/** Every error that this package makes. `code` is stable; the message is for people. */
export abstract class KvError extends Error {
  abstract readonly code: string;
}

/** A call or an option that cannot be right. Nothing was sent and nothing has changed. */
export class KvInvalidArgumentError extends KvError {
  override readonly name: string = "KvInvalidArgumentError";
  readonly code = "invalidArgument";
}

/** A value was asked for as text, and is not UTF-8. */
export class KvNotTextError extends KvError {
  override readonly name: string = "KvNotTextError";
  readonly code = "notText";
}

/**
 * - `truncated`: it ends too early
 * - `trailingBytes`: it goes on after its end
 * - `badMagic`: it is something else
 * - `unsupportedVersion`: made by a program with another format
 * - `differentLimits`: made by a server with other `maxSessions`, `maxKeys`, `maxHistoryChanges` or `maxHistoryBytes`
 * - `duplicateKey`, `duplicateSession`: something occurs twice
 * - `damaged`: a checksum is wrong, or a value that cannot be
 */
export type KvSnapshotErrorCode =
  | "truncated"
  | "trailingBytes"
  | "badMagic"
  | "unsupportedVersion"
  | "differentLimits"
  | "duplicateKey"
  | "duplicateSession"
  | "damaged";

/** A snapshot that cannot be restored. The state is what it was before. */
export class KvSnapshotError extends KvError {
  override readonly name: string = "KvSnapshotError";
  readonly code: KvSnapshotErrorCode;

  constructor(code: KvSnapshotErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * - `locked`: another process, or another state machine of this one, has the database open
 * - `otherOwner`: it belongs to another server or cluster
 * - `notAState`: there is something else in it
 * - `unsupportedVersion`: written by a program with another format
 * - `differentLimits`: written by a server with other limits
 * - `damaged`: what had been written is not what is there
 * - `failed`: the database refused something, as when the disk is full; `cause` is its error
 * - `usage`: the caller has broken the contract; nothing has changed
 */
export type KvDiskErrorCode =
  | "locked"
  | "otherOwner"
  | "notAState"
  | "unsupportedVersion"
  | "differentLimits"
  | "damaged"
  | "failed"
  | "usage";

/**
 * What is wrong with the disk of a `LevelKvStateMachine`. A node that is told so stops. The state can always be made anew: with an empty database in its place the node
 * takes it from the snapshot and the log of its storage.
 */
export class KvDiskError extends KvError {
  override readonly name: string = "KvDiskError";
  readonly code: KvDiskErrorCode;

  constructor(code: KvDiskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What became of a call that failed: `not-done` if it had no effect and never will, `unknown` if it may have been done, or still may be.
 * Of a read it is always `not-done`.
 */
export type KvCallOutcome = "not-done" | "unknown";

/** How far a call came. */
export interface KvCallReport {
  readonly outcome: KvCallOutcome;
  /** Requests that were sent, or tried to be. */
  readonly attempts: number;
  /** For each address that was tried: why the last attempt there failed. */
  readonly lastErrors: ReadonlyMap<string, Error>;
}

/** A call of {@link KvraftClient} that ended without an answer from the store. */
export abstract class KvCallError extends KvError implements KvCallReport {
  readonly outcome: KvCallOutcome;
  readonly attempts: number;
  readonly lastErrors: ReadonlyMap<string, Error>;

  constructor(what: string, report: KvCallReport, options?: ErrorOptions) {
    super(describe(what, report), options);
    this.outcome = report.outcome;
    this.attempts = report.attempts;
    this.lastErrors = report.lastErrors;
  }
}

/** No server gave an answer before the deadline. */
export class KvTimeoutError extends KvCallError {
  override readonly name: string = "KvTimeoutError";
  readonly code = "timeout";
}

/** The caller's signal was aborted; `cause` is its reason. */
export class KvAbortedError extends KvCallError {
  override readonly name: string = "KvAbortedError";
  readonly code = "aborted";
}

/** The client was closed before or during the call. */
export class KvClosedError extends KvCallError {
  override readonly name: string = "KvClosedError";
  readonly code = "closed";
}

/**
 * Why a server refused a request for good:
 * - `invalid`: it can never be done, whatever the state is
 * - `valueTooLarge`: the value would grow beyond its limit
 * - `storeFull`: there are as many keys as there can be
 * - `answerTooLarge`: what a batch reads is more than an answer can hold
 * - `outOfWindow`: the session has given up this write's answer
 * - `other`: see `cause`
 */
export type KvRefusalReason =
  | "invalid"
  | "valueTooLarge"
  | "storeFull"
  | "answerTooLarge"
  | "outOfWindow"
  | "other";

/** A server refused the command for good, for example because the value would become too large; `cause` is what it said. */
export class KvRefusedError extends KvCallError {
  override readonly name: string = "KvRefusedError";
  readonly code = "refused";
  readonly reason: KvRefusalReason;

  constructor(
    what: string,
    report: KvCallReport,
    { reason, cause }: ErrorOptions & { readonly reason: KvRefusalReason },
  ) {
    super(what, report, { cause });
    this.reason = reason;
  }
}

/**
 * The servers have forgotten the client's session, in which they would have recognised a write that was sent again: whether it was done, nobody can tell. Read, and
 * decide. The next write begins another session. Servers remember a number of sessions that wrote last, so this takes a write that was under way for
 * very long.
 */
export class KvSessionExpiredError extends KvCallError {
  override readonly name: string = "KvSessionExpiredError";
  readonly code = "sessionExpired";
}

/** What a watch asks for is not kept any more. Read the range, and watch from the revision after that of what was read. */
export class KvCompactedError extends KvCallError {
  override readonly name: string = "KvCompactedError";
  readonly code = "compacted";
  /** The first revision that a watch can begin with now. */
  readonly firstRevision: number;

  constructor(firstRevision: number, report: KvCallReport, options?: ErrorOptions) {
    super(
      `the changes before revision ${firstRevision} are not kept any more: read the range, and watch from the revision after`,
      report,
      options,
    );
    this.firstRevision = firstRevision;
  }
}

/** A watch asks for what has not happened yet. Of one that has told changes before, this means that the cluster has lost them. */
export class KvFutureRevisionError extends KvCallError {
  override readonly name: string = "KvFutureRevisionError";
  readonly code = "futureRevision";
  /** The one that the store has reached. */
  readonly currentRevision: number;

  constructor(asked: number, currentRevision: number, report: KvCallReport, options?: ErrorOptions) {
    super(
      `there is no revision ${asked} yet, nor is it the next one: the store is at ${currentRevision}`,
      report,
      options,
    );
    this.currentRevision = currentRevision;
  }
}

/** Too much is under way already. Await some of it, and call again. */
export class KvBusyError extends KvCallError {
  override readonly name: string = "KvBusyError";
  readonly code = "busy";
}

/** The transport, or the server, cannot do this at all. */
export class KvUnsupportedError extends KvCallError {
  override readonly name: string = "KvUnsupportedError";
  readonly code = "unsupported";
}

function describe(what: string, report: KvCallReport): string {
  const outcome = report.outcome === "unknown" ? "it may have been done" : "it was not done";
  const attempts = report.attempts === 1 ? "1 attempt" : `${report.attempts} attempts`;
  const errors = [...report.lastErrors].map(([address, error]) => `; ${address}: ${error.message}`);
  return `${what}, ${outcome} (${attempts}${errors.join("")})`;
}
