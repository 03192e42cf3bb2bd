import { DatabaseSync } from "node:sqlite";
import type { WalLock } from "./file-system.ts";

/** SQLite's "someone else has it" (https://sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;

/**
 * Locks `path`, an empty file, by beginning an exclusive transaction on it that never writes anything.
 *
 * Node offers no file lock of its own. A file that merely exists would outlive a killed process, and a process id written into
 * it may by then belong to somebody else. SQLite, which is built into Node, takes the system's own lock: it vanishes with the
 * process, and SQLite adds the bookkeeping that makes a second opener in the same process fail as well.
 *
 * Nothing else may ever open and close this file: on POSIX that would drop the lock of the whole process.
 */
export function lockFile(path: string): WalLock | null {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // With the journal in memory no second file appears beside the lock.
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return {
    release(): void {
      database.close();
    },
  };
}
