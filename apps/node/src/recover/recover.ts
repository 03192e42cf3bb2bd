import type { Storage } from "@eraft/core";
import { statSync } from "node:fs";
import type { Address } from "../cluster.ts";
import { CommandError } from "../errors.ts";
import { type DataDirIdentity, openDataDir, storageTypeOf } from "../server/data-dir.ts";
import { type RecoveryPlan, planRecovery } from "./plan.ts";
import { type Survivor, survivorOf } from "./survivor.ts";

export interface RecoverOptions {
  readonly dir: string;
  readonly id: number;
  readonly peers: ReadonlyMap<number, Address>;
  /** Told what is there and what is to be done; resolves to whether to do it. */
  readonly confirm: (survivor: Survivor, plan: RecoveryPlan) => boolean;
}

/**
 * Makes a data directory the beginning of a new cluster. It must be in use by nobody, and is locked meanwhile. Resolves with the plan once all of it is on
 * disk, with null if it was not confirmed.
 */
export async function recover({ dir, id, peers, confirm }: RecoverOptions): Promise<RecoveryPlan | null> {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CommandError(`${JSON.stringify(dir)} is not a directory`);
  }
  const { identity, storage } = await openDataDir(dir, id, storageTypeOf(dir) ?? "wal");
  try {
    const survivor = survivorOf(await storage.open(), identity.clusterId);
    const plan = planRecovery(survivor, { id, incarnation: identity.incarnation, peers });
    if (!confirm(survivor, plan)) return null;
    await write(plan, identity, storage);
    return plan;
  } finally {
    await storage.close();
    await identity.close();
  }
}

/**
 * The name first. After a crash between the two steps the directory belongs to a cluster of which there is nobody else, and can be recovered again. The other
 * way round it would already lead, as a node of the old cluster, whose other nodes would come back to it.
 */
async function write(
  { clusterId, hardState, entry }: RecoveryPlan,
  identity: DataDirIdentity,
  storage: Storage,
): Promise<void> {
  await identity.moveToCluster(clusterId);
  await storage.write({ hardState, truncateFrom: null, entries: [entry] });
}
