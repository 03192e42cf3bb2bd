export { WalStorage } from "./wal-storage.ts";
export type { WalStorageOptions } from "./wal-storage.ts";
export { openIdentity } from "./open-identity.ts";
export type { OpenIdentityOptions } from "./open-identity.ts";
export type { StoredIdentity } from "./stored-identity.ts";
export { dumpWal } from "./dump.ts";
export {
  WalDamageError,
  WalError,
  WalFailedError,
  WalFormatError,
  WalIdentityDamageError,
  WalLockedError,
  WalOtherClusterError,
  WalSnapshotError,
  WalStaleSnapshotError,
  WalUsageError,
} from "./errors.ts";

// For tools that watch, or stand in for, the disk.
export { nodeFileSystem } from "./node-file-system.ts";
export type { WalFile, WalFileSystem, WalLock } from "./file-system.ts";
