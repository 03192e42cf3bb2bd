import { createHash } from "node:crypto";
import type { Address } from "../cluster.ts";

/**
 * The name of the cluster that these nodes found: each of them works it out for itself, and they agree as long as they were told the same. With it
 * two clusters that come to use one address, one after the other or by mistake, do not take each other's nodes for their own.
 */
export function clusterIdOf(members: ReadonlyMap<number, Address>): string {
  const list = [...members]
    .toSorted(([a], [b]) => a - b)
    .map(([id, { text }]) => `${id}=${text.toLowerCase()}`);
  return createHash("sha256").update(list.join(",")).digest("hex").slice(0, 16);
}

const EPOCH = /^(?<name>.*)\/(?<epoch>\d+)$/s;

/** The name of a cluster after `eraft recover`: those that were left out still have the name before, and so no way back. */
export function nextEpoch(clusterId: string): string {
  const { name, epoch } = epochOf(clusterId);
  return `${name}/${epoch + 1}`;
}

/** Whether the cluster `a` is what became of the cluster `b` by `eraft recover`. */
export function isLaterEpoch(a: string, b: string): boolean {
  const [later, earlier] = [epochOf(a), epochOf(b)];
  return later.name === earlier.name && later.epoch > earlier.epoch;
}

function epochOf(clusterId: string): { readonly name: string; readonly epoch: number } {
  const groups = EPOCH.exec(clusterId)?.groups;
  return groups === undefined
    ? { name: clusterId, epoch: 0 }
    : { name: groups["name"] ?? "", epoch: Number(groups["epoch"]) };
}
