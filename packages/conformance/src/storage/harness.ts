import type { Storage } from "@eraft/core";

/** What the kit needs to know of a storage: where to get one, and what it does not claim. */
export interface StorageHarness<Site extends StorageSite = StorageSite> {
  /** A new and empty place: a directory, a database, an object. Called once for each case. */
  readonly create: () => Site | Promise<Site>;
  /** What this storage is asked to do; what is not given is taken from {@link DEFAULT_STORAGE_SUPPORT}. */
  readonly supports?: Partial<StorageSupport>;
  /**
   * Ways to spoil what a closed storage left, each of which the next `open` must refuse without changing anything: a flipped byte
   * below the tail, a missing file, a format version from the future. The place has been filled and closed before.
   */
  readonly damages?: readonly StorageDamage<Site>[];
}

export interface StorageDamage<Site extends StorageSite = StorageSite> {
  /** Completes the sentence "open refuses ...". */
  readonly name: string;
  readonly inflict: (site: Site) => Promise<void> | void;
}

export interface StorageSupport {
  /** Refuses to be opened while another opener has it. */
  readonly exclusiveOpen: boolean;
  /** A snapshot that is being read stays readable while newer ones are committed. */
  readonly readableWhileReplaced: boolean;
  /** Bytes of the largest command that the cases write, at least 1 KiB. */
  readonly maxCommandBytes: number;
  /** Bytes of the largest snapshot that the cases write, at least 1 KiB. */
  readonly maxSnapshotBytes: number;
  /** Its process can be killed: sites have `kill`. */
  readonly kill: boolean;
  /** Its power can fail: sites have `kill` and `device`, as those of `crashDiskSite` do. */
  readonly powerLoss: boolean;
  /** How many random workloads are run, each from its own seed. */
  readonly randomWorkloads: number;
}

/** Everything that the port promises; crashes are left out unless the harness can cause them. */
export const DEFAULT_STORAGE_SUPPORT: StorageSupport = {
  exclusiveOpen: true,
  readableWhileReplaced: true,
  maxCommandBytes: 1_048_576,
  maxSnapshotBytes: 1_048_576,
  kill: false,
  powerLoss: false,
  randomWorkloads: 3,
};

/** Where one storage keeps its data. Survives the storages that are opened on it. */
export interface StorageSite {
  /** A storage on this place that has not been opened; another one each time, unless a closed one can be opened again. */
  storage(): Storage;
  /**
   * What the system does when a process dies: it gives back locks and handles, and keeps what was written. The storage that was
   * open is not closed and not used again. Needed with `supports.kill`.
   */
  kill?(): Promise<void> | void;
  /** The device below, if it records what is done to it. Needed with `supports.powerLoss`. */
  readonly device?: RecordedDevice;
  /** All bytes of the place as a text: equal only if nothing was changed. Needed with `damages`. */
  contents?(): Promise<string> | string;
  /** Removes the place. Storages on it have been closed, or killed. */
  dispose?(): Promise<void> | void;
}

/** A device that knows what a power loss would have left of it, because it has seen every change and every sync. */
export interface RecordedDevice {
  /** How many operations there were so far. The kit reads it before and after each step, to know which of them were acknowledged when. */
  operations(): number;
  /**
   * All that a power loss may leave, for a crash after `from` operations, after one more, and so on to the last. What was synced
   * is there; of the rest any part may be. `few` asks for a sample at each point, for a case that tries this on many devices.
   */
  crashes(from: number, extent: "all" | "few"): Iterable<Crash>;
}

export interface Crash {
  /** The power went after so many operations. */
  readonly after: number;
  /** Equal for devices with equal contents. */
  readonly fingerprint: string;
  /** A new device with what was left, which records as well. */
  site(): StorageSite;
}
