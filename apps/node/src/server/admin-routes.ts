import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  AdminService,
  type GetNodeStatusResponse,
  GetNodeStatusResponseSchema,
} from "@eraft/proto/eraft/admin/v1";
import type { NodeStatus } from "@eraft/runtime";

/** Serves `eraft.admin.v1.AdminService`: what an operator wants to know, also of a node that does not serve. */
export function adminRoutes(node: { status(): NodeStatus }): (router: ConnectRouter) => void {
  return (router) => {
    router.service(AdminService, { getNodeStatus: () => nodeStatus(node.status()) });
  };
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
    peers: status.peers.map((peer) => ({
      id: BigInt(peer.id),
      address: peer.address,
      state: peer.state ?? "",
      nextIndex: BigInt(peer.nextIndex ?? 0),
      matchIndex: BigInt(peer.matchIndex ?? 0),
      lastContactMs: BigInt(peer.lastContactMs === null ? -1 : Math.round(peer.lastContactMs)),
      lastError: peer.lastError?.message ?? "",
    })),
  });
}
