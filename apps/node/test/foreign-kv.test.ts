// kvraftpb.KVService with another gRPC implementation at either end, which knows nothing of us but proto/kvraftpb/kvraft.proto.
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { KvraftClient, KvTimeoutError } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { TestCluster } from "./support/test-cluster.ts";

type Fields = Record<string, unknown>;
type Handler = grpc.handleUnaryCall<Fields, Fields>;

const definition = loader.loadSync(
  new URL("../../../proto/kvraftpb/kvraft.proto", import.meta.url).pathname,
  // Names as in the file, int64 as decimal text: neither is a convention of ours.
  { keepCase: true, longs: String, enums: String, defaults: true },
);
const { kvraftpb } = grpc.loadPackageDefinition(definition) as unknown as {
  kvraftpb: { KVService: grpc.ServiceClientConstructor };
};
const insecure = grpc.credentials.createInsecure();

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
});
afterAll(() => cluster.stop());

/** Calls node `id` of our cluster. */
function call(
  id: number,
  method: "Command" | "GetStatus",
  request: Fields,
  deadlineMs = 5000,
): Promise<Fields> {
  const client = new kvraftpb.KVService(cluster.addresses[id] ?? "", insecure);
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = kvraftpb.KVService.service[
    method
  ] as grpc.MethodDefinition<Fields, Fields>;
  const { promise, resolve, reject } = Promise.withResolvers<Fields>();
  const options = { deadline: Date.now() + deadlineMs };
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, (error, reply) => {
    if (error !== null) reject(error);
    else resolve(reply ?? {});
  });
  return promise;
}

/** A foreign server; gives its address. */
async function foreignServer(handlers: Record<"Command" | "GetStatus", Handler>): Promise<string> {
  const server = new grpc.Server();
  server.addService(kvraftpb.KVService.service, handlers);
  onTestFinished(() => server.forceShutdown());
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return `127.0.0.1:${await promise}`;
}

function ourClient(addresses: readonly string[], deadlineMs = 10_000): KvraftClient {
  const connections = new Map(addresses.map((address) => [address, nodePeerConnection(address)]));
  const connect = (address: string): ReturnType<typeof nodePeerConnection> =>
    connections.get(address) ?? nodePeerConnection(address);
  const client = new KvraftClient({ addresses, connect, deadlineMs });
  onTestFinished(() => {
    client.close();
    for (const connection of connections.values()) connection.close();
  });
  return client;
}

test("a foreign client puts, appends and gets; a repeated append is done once; a missing key is ErrNoKey", async () => {
  const leader = await cluster.leader();
  const session = { client_id: "4611686018427387903" };
  const put = { key: "k", value: "a", op: "PUT", ...session, command_id: "1" };
  const append = { key: "k", value: "b", op: "APPEND", ...session, command_id: "2" };
  for (const request of [put, append, append]) {
    expect(await call(leader, "Command", request)).toEqual({ err: "OK", value: "" });
  }
  expect(await call(leader, "Command", { key: "k", op: "GET" })).toEqual({ err: "OK", value: "ab" });
  expect(await call(leader, "Command", { key: "none", op: "GET" })).toEqual({ err: "ErrNoKey", value: "" });
  const follower = (leader + 1) % 3;
  expect(await call(follower, "Command", put)).toEqual({ err: "ErrWrongLeader", value: "" });
});

test("a foreign client stores and reads a large value, and is told when one is too large", async () => {
  const leader = await cluster.leader();
  const value = "x".repeat(1_000_000);
  expect(await call(leader, "Command", { key: "large", value, op: "PUT" })).toEqual({ err: "OK", value: "" });
  expect(await call(leader, "Command", { key: "large", op: "GET" })).toEqual({ err: "OK", value });
  await expect(
    call(leader, "Command", { key: "large", value: "x".repeat(3_900_000), op: "PUT" }),
  ).rejects.toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
});

test("a foreign client asks for the status, and its deadline holds", async () => {
  const leader = await cluster.leader();
  const status = await call(leader, "GetStatus", {});
  expect(status).toMatchObject({ id: String(leader), state: "Leader" });
  expect(Number(status["commit_index"])).toBeGreaterThan(0);
  await expect(call(leader, "GetStatus", {}, -1)).rejects.toMatchObject({
    code: grpc.status.DEADLINE_EXCEEDED,
  });
});

test("our client puts, gets and asks for the status of a foreign server, past one that does not lead", async () => {
  const received: Fields[] = [];
  const status = {
    id: "1",
    state: "Leader",
    term: "3",
    last_applied: "7",
    commit_index: "8",
    storage_size: "9",
  };
  const leading = await foreignServer({
    Command: ({ request }, reply) => {
      received.push(request);
      reply(
        null,
        request["op"] === "GET" ? { err: "OK", value: "v".repeat(3_900_000) } : { err: "OK", value: "" },
      );
    },
    GetStatus: (_call, reply) => reply(null, status),
  });
  const following = await foreignServer({
    Command: (_call, reply) => reply(null, { err: "ErrWrongLeader", value: "" }),
    GetStatus: (_call, reply) => reply(null, { ...status, state: "Follower" }),
  });
  const client = ourClient([following, leading]);
  await client.put("key", "value");
  expect(await client.get("key")).toHaveLength(3_900_000);
  expect(received.map(({ op, key, value }) => [op, key, value])).toEqual([
    ["PUT", "key", "value"],
    ["GET", "key", ""],
  ]);
  expect(BigInt(String(received[0]?.["client_id"]))).toBeGreaterThan(0n);
  const reports = await client.status();
  expect(reports.map((report) => "status" in report && report.status.state)).toEqual(["Follower", "Leader"]);
});

test("our client gives up on a foreign server that never answers", async () => {
  const silent = await foreignServer({ Command: () => {}, GetStatus: () => {} });
  const error: unknown = await ourClient([silent], 300)
    .put("k", "v")
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KvTimeoutError);
  expect((error as KvTimeoutError).outcome).toBe("unknown");
});
