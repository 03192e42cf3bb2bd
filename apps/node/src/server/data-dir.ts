import type { PeerIdentity, Storage } from "@eraft/core";
import { type LevelDatabase, LevelStorage, openLevelIdentity } from "@eraft/storage-level";
import { WalStorage, openIdentity } from "@eraft/storage-wal";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../errors.ts";
import { checkDataDir, claimDataDir } from "./data-dir-owner.ts";

/** How a node keeps its data on a disk. */
export type DiskStorageType = "wal" | "level";

/** The name that a disk has given itself. Its fields change with `adoptCluster` and `moveToCluster`. */
export interface DataDirIdentity extends PeerIdentity {
  /** Resolves once the cluster is remembered for good. Rejects if it belongs to another one. */
  adoptCluster(clusterId: string): Promise<void>;
  /** The same, whatever cluster it belonged to: for `eraft recover`. */
  moveToCluster(clusterId: string): Promise<void>;
  /** Lets go of the directory, if its storage was not opened. Never rejects. */
  close(): Promise<void>;
}

/** A directory that has been taken: who it is, and its storage, which is not open yet. */
export interface DataDir {
  readonly identity: DataDirIdentity;
  readonly storage: Storage;
}

/** Within the data directory; a write-ahead log has its files in it directly. */
const LEVEL_DIR = "level";

/** What a data directory has been used with; null if it is empty, or is not there. */
export function storageTypeOf(dir: string): DiskStorageType | null {
  const names = namesIn(dir);
  if (names.includes(LEVEL_DIR)) return "level";
  return names.some((name) => name === "IDENTITY" || name.startsWith("wal-")) ? "wal" : null;
}

/**
 * Takes `dir` for node `id`. Rejects with a CommandError if it is another node's, or was used with another storage.
 *
 * Suppose it were not refused. The node comes back with nothing of what it had, and a restart with the right flag makes it go on with votes and a log from
 * before it was readmitted as an empty disk.
 */
export async function openDataDir(dir: string, id: number, type: DiskStorageType): Promise<DataDir> {
  const used = storageTypeOf(dir);
  if (used !== null && used !== type) {
    throw new CommandError(
      `the data directory ${dir} was used with --storage ${used}, and not with ${type}: give the right one, or an empty directory`,
    );
  }
  await checkDataDir(dir, id);
  const taken = await take(dir, type);
  try {
    await claimDataDir(dir, id);
    return taken;
  } catch (error) {
    await taken.identity.close();
    throw error;
  }
}

/** Locks the directory. */
async function take(dir: string, type: DiskStorageType): Promise<DataDir> {
  if (type === "wal") {
    const identity = await openIdentity(dir);
    return { identity, storage: new WalStorage({ dir, identity }) };
  }
  const db = await levelDatabase(dir);
  const identity = await openLevelIdentity(db);
  return { identity, storage: new LevelStorage({ db, identity }) };
}

/** The database in a data directory that was used with --storage level, or is to be. */
export async function levelDatabase(dir: string): Promise<LevelDatabase> {
  // Machine code, which is loaded by those who want it.
  const { ClassicLevel } = await import("classic-level");
  return new ClassicLevel(join(dir, LEVEL_DIR));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    // Whoever takes it will say what is wrong.
    return [];
  }
}
