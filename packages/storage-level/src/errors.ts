/** What every error of this package has: a stable `code` to branch on, and the database's error, if any, as `cause`. */
export abstract class LevelError extends Error {
  abstract readonly code: string;
}

/** Another process, or another storage or identity in this one, has the database open. Retry once it has let go. */
export class LevelLockedError extends LevelError {
  override readonly name = "LevelLockedError";
  readonly code = "ERAFT_LEVEL_LOCKED";
  readonly location: string;

  constructor(location: string, cause?: unknown) {
    super(`${location} is in use by another opener`, { cause });
    this.location = location;
  }
}

/**
 * What had been promised is not what was written. `open` has changed nothing. What the server once confirmed to others is lost, so the remedy
 * is to replace this server's data by a new member's, never to delete or repair the damaged part.
 */
export class LevelDamageError extends LevelError {
  override readonly name = "LevelDamageError";
  readonly code = "ERAFT_LEVEL_DAMAGE";
  readonly location: string;
  /** What is wrong, and with which record. */
  readonly what: string;

  constructor(location: string, what: string, cause?: unknown) {
    super(`${location} is damaged: ${what}`, { cause });
    this.location = location;
    this.what = what;
  }
}

/** The database belongs to another cluster than the one it was to be adopted by. Nothing has changed. */
export class LevelOtherClusterError extends LevelError {
  override readonly name = "LevelOtherClusterError";
  readonly code = "ERAFT_LEVEL_OTHER_CLUSTER";
  readonly location: string;
  readonly stored: string;
  readonly asked: string;

  constructor(location: string, stored: string, asked: string) {
    super(`${location} belongs to cluster ${JSON.stringify(stored)}, not to ${JSON.stringify(asked)}`);
    this.location = location;
    this.stored = stored;
    this.asked = asked;
  }
}

/** A record is intact but of a version that this package does not know. `open` has changed nothing. */
export class LevelFormatError extends LevelError {
  override readonly name = "LevelFormatError";
  readonly code = "ERAFT_LEVEL_FORMAT";
  readonly location: string;

  constructor(location: string, what: string) {
    super(`${location}: ${what}`);
    this.location = location;
  }
}

/**
 * The database refused an operation that the log depends on; `cause` is its error. The storage is broken for good: what the disk then
 * holds is only known again after the next `open`.
 */
export class LevelFailedError extends LevelError {
  override readonly name = "LevelFailedError";
  readonly code = "ERAFT_LEVEL_FAILED";

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A snapshot could not be filled; `cause` is the database's error. Nothing that is stored has changed. */
export class LevelSnapshotError extends LevelError {
  override readonly name = "LevelSnapshotError";
  readonly code = "ERAFT_LEVEL_SNAPSHOT";

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** `createSnapshot` was asked for an index that the stored snapshot already covers. */
export class LevelStaleSnapshotError extends LevelError {
  override readonly name = "LevelStaleSnapshotError";
  readonly code = "ERAFT_LEVEL_STALE_SNAPSHOT";

  constructor(asked: number, stored: number) {
    super(`a snapshot at index ${asked} is not newer than the stored one at ${stored}`);
  }
}

/** The caller broke the contract of `Storage`, or gave what cannot be stored. Nothing has changed. */
export class LevelUsageError extends LevelError {
  override readonly name = "LevelUsageError";
  readonly code = "ERAFT_LEVEL_USAGE";
}
