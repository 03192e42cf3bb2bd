/**
 * The file operations the log is made of, and no others. Every change of the disk goes through here, so a tool that implements
 * this interface sees each of them in order: it can record them, let one fail, or work out what a crash between any two leaves.
 *
 * What the log assumes of a file system, and all it assumes:
 * - Bytes are on the disk once `sync` of their file has resolved. Before that any subset of their 512-byte sectors may be.
 * - Names are on the disk once `syncDirectory` has resolved. Before that any subset of the renames, creations and removals may be,
 *   each of them entirely or not at all.
 * - A process that dies takes nothing with it: what was written can be read by the next one.
 */
export interface WalFileSystem {
  /** Creates the directory with its parents and makes their names durable. Does nothing if it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Names, without the path, of what is in the directory, in any order. */
  list(path: string): readonly string[];
  /** "create" makes the file empty if it exists; the others throw if it does not. */
  open(path: string, mode: "create" | "read" | "write"): WalFile;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void;
  /** Removes a name; files that are open stay readable. */
  remove(path: string): void;
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the lock called `path`, or returns null at once if another process or another caller in this one has it. The system
   * drops it when the process dies, however it dies.
   */
  lock(path: string): WalLock | null;
}

export interface WalFile {
  sizeBytes(): number;
  /** Sets the size; what is added reads as zeros. */
  truncate(sizeBytes: number): void;
  /** Fills as much of `target` as the file has from `position` on, and resolves with how many bytes that were. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, into the page cache: they survive the process, not the machine. Does not retain `bytes`. */
  write(bytes: Uint8Array, position: number): void;
  /** Resolves once everything written before the call, and the size, is on the disk: fdatasync(2). */
  sync(): Promise<void>;
  close(): void;
}

export interface WalLock {
  release(): void;
}
