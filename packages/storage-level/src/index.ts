export { LevelStorage } from "./level-storage.ts";
export type { LevelStorageOptions } from "./level-storage.ts";
export type { LevelDatabase } from "./database.ts";
export { openLevelIdentity } from "./stored-identity.ts";
export type { LevelIdentity } from "./stored-identity.ts";
export { dumpLevel } from "./dump.ts";
export {
  LevelDamageError,
  LevelError,
  LevelFailedError,
  LevelFormatError,
  LevelLockedError,
  LevelOtherClusterError,
  LevelSnapshotError,
  LevelStaleSnapshotError,
  LevelUsageError,
} from "./errors.ts";
