// eraft.kv.v1 as nodes serve it, with real processes: gRPC, gRPC-Web, Connect, and JSON over HTTP/1.1.
import { Code, ConnectError, type Transport, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { KvClient, type KvChange } from "@eraft/kv";
import { FailureSchema, KvService, Reason } from "@eraft/proto/eraft/kv/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { TestCluster } from "./support/test-cluster.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(() => cluster.stop());

function kvClient(addresses: readonly string[] = cluster.addresses): KvClient {
  const connections = new Map(addresses.map((address) => [address, nodePeerConnection(address)]));
  const client = new KvClient({
    addresses,
    connect: (address) => connections.get(address) ?? nodePeerConnection(address),
    deadlineMs: 20_000,
  });
  onTestFinished(() => {
    client.close();
    for (const connection of connections.values()) connection.close();
  });
  return client;
}

test("what is written through one contract is read through the other, and over every protocol", async () => {
  const leader = await cluster.leader();
  const kv = kvClient();
  await kv.put("colour", "blue");
  expect(await cluster.client().get("colour")).toBe("blue");
  await cluster.client().append("colour", "-green");
  const baseUrl = `http://${cluster.addresses[leader]}`;
  const transports: readonly Transport[] = [
    createGrpcTransport({ baseUrl }),
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl, httpVersion: "2" }),
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ];
  for (const transport of transports) {
    const client = createClient(KvService, transport);
    const { item } = await client.get({ key: bytes("colour") });
    expect(item).toMatchObject({ value: bytes("blue-green"), createRevision: 1n, modRevision: 2n });
    for await (const { changes } of client.watch({ fromRevision: 2n })) {
      expect(changes).toHaveLength(1);
      break;
    }
  }
  const response = await fetch(`${baseUrl}/eraft.kv.v1.KvService/Get`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key: Buffer.from("colour").toString("base64") }),
  });
  expect(await response.json()).toMatchObject({
    item: { value: Buffer.from("blue-green").toString("base64"), modRevision: "2" },
    revision: "2",
  });
});

test("a follower says where the leader is, answers reads, and serves watches", async () => {
  const leader = await cluster.leader();
  const follower = cluster.running.find((id) => id !== leader) ?? 0;
  await cluster.converged();
  const connection = nodePeerConnection(cluster.addresses[follower] ?? "");
  onTestFinished(() => connection.close());
  const client = createClient(KvService, connection);
  const error = await client.put({ key: bytes("k") }).catch((error: unknown) => ConnectError.from(error));
  expect(error).toMatchObject({ code: Code.Unavailable });
  expect((error as ConnectError).findDetails(FailureSchema)).toMatchObject([
    { reason: Reason.NOT_LEADER, leaderAddress: cluster.addresses[leader], outcomeUnknown: false },
  ]);
  const watch = client.watch({})[Symbol.asyncIterator]();
  expect((await watch.next()).value).toMatchObject({ changes: [], revision: 0n });
  const next = watch.next();
  const kv = kvClient();
  await kv.put("k", "v");
  expect((await next).value).toMatchObject({ revision: 1n, changes: [{ change: { case: "put" } }] });
  expect((await client.get({ key: bytes("k") })).item?.value).toStrictEqual(bytes("v"));
  await watch.return?.();
});

test("a watch sees each change once and in order while nodes are killed and come back", async () => {
  await cluster.leader();
  const kv = kvClient();
  const seen: KvChange[] = [];
  const watch = kv.watch({ prefix: "n/" }, { fromRevision: 1 });
  const total = 60;
  const watching = (async () => {
    for await (const change of watch) if (seen.push(change) === total) break;
  })();
  for (let i = 0; i < total; i++) {
    if (i === 20 || i === 40) {
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await kv.put("elsewhere", `${i}`);
      await cluster.restart(leader);
    }
    await kv.put(`n/${i}`, `${i}`);
  }
  await watching;
  expect(seen.map((change) => Buffer.from(change.key).toString())).toStrictEqual(
    Array.from({ length: total }, (_, i) => `n/${i}`),
  );
});

test("a node that is told to stop ends its watches at once and says so, and does not wait for them", async () => {
  const leader = await cluster.leader();
  const connection = nodePeerConnection(cluster.addresses[leader] ?? "");
  onTestFinished(() => connection.close());
  const client = createClient(KvService, connection);
  const watch = client.watch({})[Symbol.asyncIterator]();
  await watch.next();
  const end = watch.next().catch((error: unknown) => ConnectError.from(error));
  const exit = await cluster.kill(leader, "SIGTERM");
  expect(exit.code).toBe(0);
  expect(await end).toMatchObject({ code: Code.Unavailable });
  expect(((await end) as ConnectError).findDetails(FailureSchema)).toMatchObject([
    { reason: Reason.NOT_SERVING },
  ]);
});
