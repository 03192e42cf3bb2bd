import { createClient } from "@connectrpc/connect";
import { AdminService, type ListMembersResponse } from "@eraft/proto/eraft/admin/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import type { Address } from "../cluster.ts";
import { isLaterEpoch } from "./cluster-id.ts";

/** Nodes that are up answer at once; for the others a start must not wait long. */
const LIMIT_MS = 1000;

/** What the nodes of a cluster make of one that starts. */
export type Reception =
  /** None of them answers, or the cluster has not begun to keep account of its members. */
  | { readonly type: "silence" }
  /** One of them has still to read its data. */
  | { readonly type: "starting" }
  /** It is one of them. */
  | { readonly type: "member"; readonly clusterId: string }
  /** They know it by another disk, which has voted and stored entries that this one knows nothing of. */
  | { readonly type: "otherDisk"; readonly clusterId: string }
  | { readonly type: "noMember"; readonly clusterId: string }
  /** They go on without it and its data, by `eraft recover`. */
  | { readonly type: "leftBehind"; readonly clusterId: string };

/** Asks `others` who node `id` is to them; only those of its own cluster count, once it has one. */
export async function askForReception(
  others: readonly Address[],
  self: { readonly id: number; readonly incarnation: string; readonly clusterId: string | null },
): Promise<Reception> {
  const all = await Promise.all(others.map(({ text }) => ask(text)));
  const there = all.filter((answer) => answer !== null);
  const answers = there.filter(({ clusterId, starting }) => clusterId !== "" && !starting);
  const own = self.clusterId;
  const later = answers.find(({ clusterId }) => own !== null && isLaterEpoch(clusterId, own));
  if (later !== undefined) return { type: "leftBehind", clusterId: later.clusterId };
  const ours = answers.filter(({ clusterId }) => own === null || own === clusterId);
  const newest = ours.toSorted((a, b) => Number(b.index - a.index))[0];
  const reception: Reception = newest === undefined ? { type: "silence" } : receptionBy(newest, self);
  return reception.type === "silence" && there.some(({ starting }) => starting)
    ? { type: "starting" }
    : reception;
}

function receptionBy(
  { clusterId, index, members }: ListMembersResponse,
  { id, incarnation }: { readonly id: number; readonly incarnation: string },
): Reception {
  const member = members.find((member) => member.id === BigInt(id));
  // Of a node that waits itself to be added, nothing follows.
  if (member === undefined)
    return members.length === 0 ? { type: "silence" } : { type: "noMember", clusterId };
  if (member.incarnation !== "" && member.incarnation !== incarnation)
    return { type: "otherDisk", clusterId };
  return index === 0n ? { type: "silence" } : { type: "member", clusterId };
}

async function ask(address: string): Promise<ListMembersResponse | null> {
  const connection = nodePeerConnection(address);
  try {
    return await createClient(AdminService, connection).listMembers({}, { timeoutMs: LIMIT_MS });
  } catch {
    // It is down, or starts as well, or is a node without such a service.
    return null;
  } finally {
    connection.close();
  }
}
