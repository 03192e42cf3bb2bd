/** What every error of this package has: a stable `code` to branch on, and the system's error, if any, as `cause`. */
export abstract class WalError extends Error {
  abstract readonly code: string;
}

/** Another process, or another storage or identity in this one, has the directory open. Retry once it has let go. */
export class WalLockedError extends WalError {
  override readonly name = "WalLockedError";
  readonly code = "ERAFT_WAL_LOCKED";
  readonly dir: string;

  constructor(dir: string) {
    super(`${dir} is in use by another opener`);
    this.dir = dir;
  }
}

/**
 * Bytes that had been promised are not what was written. `open` has changed nothing. What the server once confirmed to others
 * is lost, so the remedy is to replace this server's data by a new member's, never to delete the damaged part.
 */
export class WalDamageError extends WalError {
  override readonly name = "WalDamageError";
  readonly code = "ERAFT_WAL_DAMAGE";
  /** Path of the file. */
  readonly file: string;
  /** Byte offset in `file` at which the damaged thing begins. */
  readonly offset: number;
  /** What is wrong there. */
  readonly what: string;

  constructor(file: string, offset: number, what: string) {
    super(`${file} is damaged at byte ${offset}: ${what}`);
    this.file = file;
    this.offset = offset;
    this.what = what;
  }
}

/**
 * The file that says who the directory is to the cluster is not what was written. Nothing has been changed, and the log is not concerned. Without this
 * file the directory is given a new identity: to its cluster it is then another disk, to be admitted like one.
 */
export class WalIdentityDamageError extends WalError {
  override readonly name = "WalIdentityDamageError";
  readonly code = "ERAFT_WAL_IDENTITY_DAMAGE";
  /** Path of the file. */
  readonly file: string;
  /** Byte offset in `file` at which the damaged thing begins. */
  readonly offset: number;
  /** What is wrong there. */
  readonly what: string;

  constructor(file: string, offset: number, what: string) {
    super(`${file} is damaged at byte ${offset}: ${what}`);
    this.file = file;
    this.offset = offset;
    this.what = what;
  }
}

/** The directory belongs to another cluster than the one it was to be adopted by. Nothing has changed. */
export class WalOtherClusterError extends WalError {
  override readonly name = "WalOtherClusterError";
  readonly code = "ERAFT_WAL_OTHER_CLUSTER";
  readonly dir: string;
  readonly stored: string;
  readonly asked: string;

  constructor(dir: string, stored: string, asked: string) {
    super(`${dir} belongs to cluster ${JSON.stringify(stored)}, not to ${JSON.stringify(asked)}`);
    this.dir = dir;
    this.stored = stored;
    this.asked = asked;
  }
}

/** The file is intact but of a format version this package does not know. `open` has changed nothing. */
export class WalFormatError extends WalError {
  override readonly name = "WalFormatError";
  readonly code = "ERAFT_WAL_FORMAT";
  readonly file: string;

  constructor(file: string, what: string) {
    super(`${file} ${what}`);
    this.file = file;
  }
}

/**
 * The system refused an operation that the log depends on; `cause` is its error. The storage is broken for good, because the
 * kernel may forget unwritten pages after it reported them once: a repeated fdatasync would then report success for lost data.
 * Close it and open it again to learn what the disk holds.
 */
export class WalFailedError extends WalError {
  override readonly name = "WalFailedError";
  readonly code = "ERAFT_WAL_FAILED";

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A snapshot could not be written; `cause` is the system's error. Nothing that is stored has changed and the log goes on. */
export class WalSnapshotError extends WalError {
  override readonly name = "WalSnapshotError";
  readonly code = "ERAFT_WAL_SNAPSHOT";

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** `createSnapshot` was asked for an index that the stored snapshot already covers. */
export class WalStaleSnapshotError extends WalError {
  override readonly name = "WalStaleSnapshotError";
  readonly code = "ERAFT_WAL_STALE_SNAPSHOT";

  constructor(asked: number, stored: number) {
    super(`a snapshot at index ${asked} is not newer than the stored one at ${stored}`);
  }
}

/** The caller broke the contract of `Storage`, or gave what cannot be stored. Nothing has changed. */
export class WalUsageError extends WalError {
  override readonly name = "WalUsageError";
  readonly code = "ERAFT_WAL_USAGE";
}
