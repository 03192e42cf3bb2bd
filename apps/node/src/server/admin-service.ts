import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { MemberChange } from "@eraft/core";
import {
  type AdminService,
  ChangeMembersResponseSchema,
  type GetNodeStatusResponse,
  GetNodeStatusResponseSchema,
  type ListMembersResponse,
  ListMembersResponseSchema,
  TransferLeadershipResponseSchema,
} from "@eraft/proto/eraft/admin/v1";
import type { Membership, NodeStatus, PeerStatus, RaftNode } from "@eraft/runtime";
import { changeFromWire, memberToWire } from "../members/wire.ts";
import { refusalOf } from "./admin-errors.ts";

/** What operators need of a node; a RaftNode is one. */
export type AdminNode = Pick<RaftNode, "status" | "changeMembers" | "transferLeadership">;

export type AdminServiceImpl = Required<ServiceImpl<typeof AdminService>>;

/** `eraft.admin.v1.AdminService`: what an operator wants to know, also of a node that does not serve, and to change. */
export function adminService(node: AdminNode): AdminServiceImpl {
  return {
    getNodeStatus: () => nodeStatus(node.status()),
    listMembers: () => listMembers(node.status()),
    changeMembers: async ({ changes, expectedIndex }, { signal }) => {
      const wanted = changes.map((change) => {
        const known = changeFromWire(change);
        if (known !== null) return known;
        throw new ConnectError("this version of eraft does not know such a change", Code.InvalidArgument);
      });
      const options = {
        signal,
        ...(expectedIndex === undefined ? {} : { expectedIndex: Number(expectedIndex) }),
      };
      const { index, members } = await refusing(node, () => changeMembers(node, wanted, options));
      return create(ChangeMembersResponseSchema, {
        index: BigInt(index),
        members: members.map(memberToWire),
      });
    },
    transferLeadership: async ({ to }, { signal }) => {
      const options = { signal, ...(to === undefined ? {} : { to: Number(to) }) };
      await refusing(node, () => node.transferLeadership(options));
      return create(TransferLeadershipResponseSchema, {});
    },
  };
}

/** Addresses go to every node for good, and are called there: what is none must not get in. */
const ADDRESS = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+):\d{1,5}$/;

function changeMembers(
  node: AdminNode,
  changes: readonly MemberChange[],
  options: Parameters<AdminNode["changeMembers"]>[1],
): Promise<Membership> {
  for (const change of changes) {
    if ("address" in change && !ADDRESS.test(change.address)) {
      throw new ConnectError(`${JSON.stringify(change.address)} is not HOST:PORT`, Code.InvalidArgument);
    }
  }
  return node.changeMembers(changes, options);
}

async function refusing<T>(node: AdminNode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error, node.status());
  }
}

function nodeStatus(status: NodeStatus): GetNodeStatusResponse {
  return create(GetNodeStatusResponseSchema, {
    id: BigInt(status.id),
    role: status.role ?? "",
    term: BigInt(status.term),
    leaderId: BigInt(status.leaderId ?? -1),
    commitIndex: BigInt(status.commitIndex),
    lastApplied: BigInt(status.lastApplied),
    lastLogIndex: BigInt(status.lastLogIndex),
    snapshotIndex: BigInt(status.snapshotIndex),
    logBytes: BigInt(status.logBytes),
    storageSize: BigInt(status.storageBytes),
    failure: status.failure?.message ?? "",
    clusterId: status.identity?.clusterId ?? "",
    incarnation: status.identity?.incarnation ?? "",
    starts: BigInt(status.identity?.starts ?? 0),
    peers: status.peers.map((peer) => ({
      id: BigInt(peer.id),
      address: peer.address,
      state: peer.state ?? "",
      nextIndex: BigInt(peer.nextIndex ?? 0),
      matchIndex: BigInt(peer.matchIndex ?? 0),
      lastContactMs: BigInt(peer.lastContactMs === null ? -1 : Math.round(peer.lastContactMs)),
      lastError: peer.lastError?.message ?? "",
      rejection: rejectionText(peer),
    })),
  });
}

function rejectionText({ id, rejection }: PeerStatus): string {
  if (rejection === null) return "";
  const { by, refusal } = rejection;
  const [one, other] = by === id ? ["it refuses this node", "this node"] : ["it is refused", "it"];
  switch (refusal) {
    case "otherCluster":
      return `${one}: ${other} belongs to another cluster`;
    case "otherDisk":
      return `${one}: ${other} has another disk than the cluster knows`;
    case "olderDisk":
      return `${one}: ${other} has an older copy of its disk`;
  }
}

function listMembers(status: NodeStatus): ListMembersResponse {
  const { id, term, leaderId, leaderAddress, membership, commitIndex, identity } = status;
  return create(ListMembersResponseSchema, {
    id: BigInt(id),
    term: BigInt(term),
    leaderId: BigInt(leaderId ?? -1),
    leaderAddress: leaderAddress ?? "",
    index: BigInt(membership.index),
    members: membership.members.map(memberToWire),
    committed: membership.index <= commitIndex,
    clusterId: identity?.clusterId ?? "",
  });
}
