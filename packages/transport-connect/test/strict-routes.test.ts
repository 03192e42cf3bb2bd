import { AdminService } from "@eraft/proto/eraft/admin/v1";
import { serve } from "@eraft/transport-connect/node";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ForeignClient } from "./foreign.ts";

test("bytes that are no protobuf are INVALID_ARGUMENT for every service of the port, not only Raft's", async () => {
  const server = serve({
    host: "127.0.0.1",
    port: 0,
    routes: (router) => router.service(AdminService, { getNodeStatus: () => ({}) }),
  });
  const { port } = await server.listening;
  const client = new ForeignClient(`127.0.0.1:${port}`);
  try {
    const path = "/eraft.admin.v1.AdminService/GetNodeStatus";
    expect(await client.callBytes(path, Buffer.alloc(0))).toHaveLength(0);
    // A field of wire type 7, which there is not.
    await expect(client.callBytes(path, Buffer.from([0x0f]))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  } finally {
    client.close();
    await server.close();
  }
});
