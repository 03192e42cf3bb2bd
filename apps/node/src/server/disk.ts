import type { Storage } from "@eraft/core";
import { MemoryStorage } from "@eraft/storage-memory";
import { LevelOtherClusterError } from "@eraft/storage-level";
import { WalOtherClusterError } from "@eraft/storage-wal";
import { randomBytes } from "node:crypto";
import { CommandError } from "../errors.ts";
import { clusterIdOf } from "./cluster-id.ts";
import type { ServeConfig } from "./config.ts";
import { type DataDirIdentity, openDataDir } from "./data-dir.ts";

/** What a node keeps, and who it is by that. */
export interface Disk {
  readonly identity: DiskIdentity;
  /** Not open yet. */
  readonly storage: Storage;
}

/** Its fields change with `adoptCluster`. */
export type DiskIdentity = Omit<DataDirIdentity, "moveToCluster">;

/**
 * Takes the data directory, and makes sure that it belongs to this node and to the cluster it is told to belong to. Without a directory the node
 * speaks for its memory, which is a new one at each start.
 */
export async function takeDisk(config: ServeConfig): Promise<Disk> {
  const disk = await openDisk(config);
  const { identity } = disk;
  const clusterId = config.clusterId ?? derivedId(config, identity);
  try {
    if (clusterId !== null) await identity.adoptCluster(clusterId);
    return disk;
  } catch (error) {
    await identity.close();
    if (error instanceof WalOtherClusterError) throw otherCluster(error.dir, error);
    throw error instanceof LevelOtherClusterError ? otherCluster(error.location, error) : error;
  }
}

async function openDisk({ id, storage }: ServeConfig): Promise<Disk> {
  if (storage.type === "memory") return { identity: new MemoryIdentity(), storage: new MemoryStorage() };
  return openDataDir(storage.dir, id, storage.type);
}

/** Once the directory has a cluster, the addresses that it began with may change. */
function derivedId({ beginning }: ServeConfig, { clusterId }: DiskIdentity): string | null {
  return clusterId === null && beginning.type === "found" ? clusterIdOf(beginning.members) : null;
}

function otherCluster(
  dir: string,
  { stored, asked }: WalOtherClusterError | LevelOtherClusterError,
): CommandError {
  return new CommandError(
    `the data directory ${dir} belongs to the cluster ${stored}, and --cluster-id says ${asked}: give the right one, or an empty directory`,
  );
}

class MemoryIdentity implements DiskIdentity {
  readonly incarnation: string = randomBytes(16).toString("hex");
  readonly starts = 1;
  #clusterId: string | null = null;

  get clusterId(): string | null {
    return this.#clusterId;
  }

  async adoptCluster(clusterId: string): Promise<void> {
    this.#clusterId = clusterId;
  }

  async close(): Promise<void> {}
}
