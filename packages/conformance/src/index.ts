// To prove a backend.
export { storageCases } from "./storage/cases.ts";
export { transportCases } from "./transport/cases.ts";
export { stateMachineCases } from "./state-machine/cases.ts";
export { crashDiskSite } from "./storage/crash-disk-site.ts";
export type { Case } from "./common/case.ts";
export { ConformanceError } from "./common/witness.ts";

// To write a harness.
export { DEFAULT_STORAGE_SUPPORT } from "./storage/harness.ts";
export type {
  Crash,
  RecordedDevice,
  StorageDamage,
  StorageHarness,
  StorageSite,
  StorageSupport,
} from "./storage/harness.ts";
export type { CrashDiskSite } from "./storage/crash-disk-site.ts";
export { DEFAULT_STATE_MACHINE_SUPPORT, MIN_COMMANDS } from "./state-machine/harness.ts";
export type { StateMachineDisk, StateMachineHarness, StateMachineSupport } from "./state-machine/harness.ts";
export { DEFAULT_TRANSPORT_SUPPORT } from "./transport/harness.ts";
export type {
  TransportHarness,
  TransportNetwork,
  TransportServer,
  TransportSupport,
} from "./transport/harness.ts";

// A disk that can lose its power.
export { CrashDisk } from "./disk/crash-disk.ts";
export type { DiskFile } from "./disk/crash-disk.ts";
export { DEFAULT_CRASH_OPTIONS, crashImages } from "./disk/crash-images.ts";
export type { CrashImage, CrashOptions } from "./disk/crash-images.ts";
export { fingerprint } from "./disk/operations.ts";
export type { DiskImage, DiskOperation } from "./disk/operations.ts";
export { syncFileSystem } from "./disk/sync-file-system.ts";
export type { SyncFileSystem } from "./disk/sync-file-system.ts";
