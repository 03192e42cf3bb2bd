import { join } from "node:path";
import { WalError, WalFailedError, WalLockedError, WalUsageError } from "./errors.ts";
import type { WalFileSystem, WalLock } from "./file-system.ts";
import { readIdentity, replaceIdentity } from "./identity-file.ts";
import { LOCK_NAME } from "./names.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import type { StoredIdentity } from "./stored-identity.ts";
import { HeldIdentity, newIdentity } from "./stored-identity.ts";

export interface OpenIdentityOptions {
  /** The disk; given by tests and tools that record operations or let them fail. */
  readonly fileSystem?: WalFileSystem;
}

/**
 * Takes a data directory, creating it if it is missing, and counts this start. Resolves once the start has been counted for good, so that no two
 * of them ever tell the same number. A directory that has no identity yet is given one, whether there is a log in it or not.
 *
 * The directory stays taken until the `WalStorage` that is opened with this identity is closed; see `WalStorageOptions.identity`.
 *
 * @throws WalLockedError if a process, this one included, has the directory; WalIdentityDamageError, WalFormatError; WalDamageError if the log that
 *   once was there is gone; WalFailedError if the system refused something; WalUsageError if `dir` is empty. None but a WalFailedError has changed anything.
 */
export async function openIdentity(dir: string, options: OpenIdentityOptions = {}): Promise<StoredIdentity> {
  const { fileSystem = nodeFileSystem } = options;
  if (dir === "") throw new WalUsageError("dir is empty");
  let lock: WalLock | null = null;
  try {
    await fileSystem.makeDirectory(dir);
    lock = fileSystem.lock(join(dir, LOCK_NAME));
    if (lock === null) throw new WalLockedError(dir);
    const stored = await readIdentity(fileSystem, dir);
    const content = stored === null ? newIdentity() : { ...stored, starts: stored.starts + 1 };
    await replaceIdentity(fileSystem, dir, content);
    return new HeldIdentity(fileSystem, dir, lock, content);
  } catch (error) {
    lock?.release();
    if (error instanceof WalError) throw error;
    throw new WalFailedError(`could not open the identity in ${dir}`, error);
  }
}
