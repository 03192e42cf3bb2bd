import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Standing } from "@eraft/proto/eraft/cluster/v1";
import {
  AdminService,
  GetNodeStatusResponseSchema,
  ListMembersResponseSchema,
} from "@eraft/proto/eraft/admin/v1";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { expect, onTestFinished, test } from "vitest";
import { Admin, type Look } from "../src/client/admin.ts";

type Said = MessageInitShape<typeof ListMembersResponseSchema>;
type Status = MessageInitShape<typeof GetNodeStatusResponseSchema>;

/** A node that says this of the members; without anything to say, one that has no AdminService. */
async function node(said: Said | null, status: Status = {}): Promise<string> {
  const server = serve({
    host: "127.0.0.1",
    port: 0,
    routes: (router) => {
      if (said === null) return;
      router.service(AdminService, {
        listMembers: () => create(ListMembersResponseSchema, said),
        getNodeStatus: () => create(GetNodeStatusResponseSchema, status),
      });
    },
  });
  onTestFinished(() => server.close());
  const { host, port } = await server.listening;
  return `${host}:${port}`;
}

async function look(...contacts: readonly string[]): Promise<Look> {
  const connections = new Map<string, ReturnType<typeof nodePeerConnection>>();
  const connect = (address: string): ReturnType<typeof nodePeerConnection> => {
    const connection = connections.get(address) ?? nodePeerConnection(address);
    connections.set(address, connection);
    return connection;
  };
  onTestFinished(() => {
    for (const connection of connections.values()) connection.close();
  });
  return new Admin(contacts, connect).look();
}

const members = [0n, 1n, 2n].map((id) => ({ id, address: `10.0.0.${id}:5001`, standing: Standing.VOTER }));

test("of two that think that they lead, the one of the higher term is believed", async () => {
  const old = await node({ id: 0n, leaderId: 0n, term: 3n, index: 9n, members });
  const newer = await node({ id: 1n, leaderId: 1n, term: 4n, index: 7n, members });
  const { view, isLeaders } = await look(old, newer);
  expect({ isLeaders, index: view.index, source: view.source }).toEqual({
    isLeaders: true,
    index: 7,
    source: { id: 1, address: newer },
  });
});

test("the leader is found through a follower, and believed rather than one that is ahead of it by a lost entry", async () => {
  const leader = await node({ id: 1n, leaderId: 1n, term: 4n, index: 7n, members });
  const follower = await node({ id: 0n, leaderId: 1n, leaderAddress: leader, term: 4n, index: 8n, members });
  const { view, isLeaders } = await look(follower);
  expect({ isLeaders, index: view.index, leader: view.leader }).toEqual({
    isLeaders: true,
    index: 7,
    leader: { id: 1, address: leader },
  });
});

test("without a leader, whoever is furthest is heard, and it is said to be no leader", async () => {
  const behind = await node({ id: 0n, leaderId: -1n, term: 4n, index: 5n, members });
  const ahead = await node({ id: 1n, leaderId: -1n, term: 5n, index: 4n, members });
  const { view, isLeaders } = await look(behind, ahead, "127.0.0.1:9");
  expect({ isLeaders, source: view.source.id, leader: view.leader }).toEqual({
    isLeaders: false,
    source: 1,
    leader: null,
  });
});

function peer(id: bigint, lastContactMs: bigint, rejection = "") {
  return {
    id,
    address: `10.0.0.${id}:5001`,
    state: "replicate",
    matchIndex: 5n,
    lastContactMs,
    lastError: "connection refused",
    rejection,
  };
}

test("who answers is what the leader has heard, and why not what it says", async () => {
  const peers = [peer(1n, 20n), peer(2n, 60_000n), peer(3n, -1n, "it is refused: it has another disk")];
  const leader = await node(
    { id: 0n, leaderId: 0n, term: 4n, index: 7n, members },
    { id: 0n, lastLogIndex: 9n, peers },
  );
  const { answers, catchingUp } = await look(leader);
  expect([0, 1, 2, 3, 4].map(answers)).toEqual([true, true, false, false, false]);
  expect(catchingUp(1)).toEqual({
    id: 1,
    address: "10.0.0.1:5001",
    sending: "replicate",
    matchIndex: 5,
    lastLogIndex: 9,
    lastContactMs: 20,
    lastError: "connection refused",
  });
  expect(catchingUp(3)).toMatchObject({
    lastContactMs: null,
    lastError: "it is refused: it has another disk",
  });
  expect(catchingUp(0)).toBeNull();
});

test("a node that still reads its data is not heard, and one without an AdminService is named", async () => {
  const starting = await node({ id: 0n, starting: true, index: 0n, members: [] });
  await expect(look(starting)).rejects.toThrow(`${starting}: it is reading its data`);
  const foreign = await node(null);
  await expect(look(foreign)).rejects.toThrow("its nodes are none of ours, or older");
  await expect(look("127.0.0.1:9")).rejects.toThrow(
    "no node of the cluster answers (127.0.0.1:9: connection refused)",
  );
});

test("a standing that a later version has is an error, not a guess", async () => {
  const later = await node({ id: 0n, leaderId: 0n, members: [{ id: 0n, standing: 99 as Standing }] });
  await expect(look(later)).rejects.toThrow(
    "node 0 has a standing (99) that this version of eraft does not know",
  );
});
