import { createClient } from "@connectrpc/connect";
import { AdminService, type GetNodeStatusResponse } from "@eraft/proto/eraft/admin/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { eventually } from "../../support/eventually.ts";

const TIMEOUT_MS = 5000;

/** What the node at `address` tells operators, as soon as it answers. */
export async function nodeStatus(address: string): Promise<GetNodeStatusResponse> {
  const connection = nodePeerConnection(address);
  const admin = createClient(AdminService, connection);
  try {
    return await eventually(() => admin.getNodeStatus({}, { timeoutMs: TIMEOUT_MS }));
  } finally {
    connection.close();
  }
}
