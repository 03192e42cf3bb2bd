import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { Response } from "@eraft/core";
import { RaftService } from "@eraft/proto/raftpb";
import { expect, test } from "vitest";
import { FIRST_UNARY_SEQUENCE } from "../src/codec/peer/sequence.ts";
import {
  agree,
  appendRequest,
  chunksOf,
  entriesAfter,
  isRequest,
  ManualClock,
  PATIENT,
  snapshotHeader,
  startNode as startAnyNode,
  startPair as startAnyPair,
  UNARY,
  voteRequest,
} from "./support.ts";
import type { TestNodeOptions } from "./support.ts";

const MIB = 1024 * 1024;

const startNode = (id: number, options: TestNodeOptions = {}) => startAnyNode(id, { ...UNARY, ...options });
const startPair = (first: TestNodeOptions = {}, second: TestNodeOptions = { agree: true }) =>
  startAnyPair({ ...UNARY, ...first }, { ...UNARY, ...second });

test("votes, appends and snapshots go there and back", async () => {
  const { one, two, stop } = await startPair();
  one.transport.send(voteRequest());
  expect(await one.receiver.messages.next()).toEqual(agree(voteRequest()));
  expect(await two.receiver.messages.next()).toMatchObject({
    ...voteRequest(),
    sequence: FIRST_UNARY_SEQUENCE + 1,
  });

  const append = appendRequest({ entries: entriesAfter(9, 3, 100), leaderCommit: 11 });
  one.transport.send(append);
  expect(await one.receiver.messages.next()).toEqual(agree(append));
  expect(await two.receiver.messages.next()).toEqual({ ...append, sequence: FIRST_UNARY_SEQUENCE + 2 });

  const data = new Uint8Array(3 * MIB).map((_, i) => i % 251);
  const chunks = chunksOf(data.subarray(0, MIB), data.subarray(MIB));
  await one.transport.sendSnapshot(snapshotHeader(), { size: data.byteLength, chunks });
  expect(one.receiver.messages.all.at(-1)).toEqual(agree(snapshotHeader()));
  const received = await two.receiver.snapshots.next();
  expect(received.header).toEqual(snapshotHeader({ sequence: FIRST_UNARY_SEQUENCE + 3 }));
  expect(Buffer.compare(received.data, data)).toBe(0);
  await stop();
});

test("many calls at once: each answer finds its own request", async () => {
  const { one, two, stop } = await startPair({}, {});
  for (let i = 0; i < 20; i += 1)
    one.transport.send(appendRequest({ sequence: 1000 + i, prevLogIndex: 100 + i }));
  const requests = [];
  while (requests.length < 20) requests.push(await two.receiver.messages.next());
  // Answered in the opposite order, so that order cannot be what ties them.
  for (const request of requests.toReversed()) if (isRequest(request)) two.transport.send(agree(request));
  for (let i = 0; i < 20; i += 1) {
    const response = (await one.receiver.messages.next()) as Extract<
      Response,
      { type: "appendEntriesResponse" }
    >;
    expect(response.matchIndex).toBe(response.sequence - 1000 + 100);
  }
  await stop();
});

test("the leader learns of a conflict as the core put it", async () => {
  const { one, two, stop } = await startPair({}, {});
  const failure = { success: false, matchIndex: 0, conflictIndex: 4, conflictTerm: -1 };
  two.receiver.onMessage = (message) => {
    if (isRequest(message)) two.transport.send({ ...agree(message), ...failure });
  };
  one.transport.send(appendRequest());
  expect(await one.receiver.messages.next()).toMatchObject({ ...failure, sequence: 72 });
  await stop();
});

test("before start and after stop the answer is UNAVAILABLE, and held calls end with it", async () => {
  const { one, two, stop } = await startPair({}, {});
  one.transport.send(appendRequest());
  await two.receiver.messages.next();
  await two.transport.stop();
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "unavailable" });
  one.transport.send(appendRequest());
  expect((await one.receiver.unreached.next()).error).toMatchObject({
    code: "unavailable",
    message: `${two.address}: this server is not running`,
  });
  expect(two.receiver.messages.all).toHaveLength(1);
  await two.transport.start(two.receiver);
  await expect(two.transport.start(two.receiver)).rejects.toThrow(/already/);
  one.transport.send(voteRequest());
  expect(await two.receiver.messages.next()).toMatchObject({ type: "requestVote" });
  await stop();
});

test("a server that is not there is reported as such, and found once it is", async () => {
  const free = await startNode(3);
  await free.stop();
  const one = await startNode(1, { peers: new Map([[2, free.address]]) });
  one.transport.send(voteRequest());
  expect((await one.receiver.unreached.next()).error).toMatchObject({
    code: "unreachable",
    message: `${free.address}: connection refused`,
  });
  const two = await startNode(2, { port: free.port, peers: new Map([[1, one.address]]), agree: true });
  // Within the pause after a failed attempt the same error comes at once, so ask until it is over.
  one.receiver.onMessage = () => {};
  while (one.receiver.messages.all.length === 0) {
    one.transport.send(voteRequest());
    await Promise.race([one.receiver.messages.next(), one.receiver.unreached.next()]);
  }
  expect(one.receiver.messages.all[0]).toEqual(agree(voteRequest()));
  await Promise.all([one.stop(), two.stop()]);
});

test("a deadline that passes is a timeout for the leader, and changes nothing for the follower", async () => {
  const { one, two, stop } = await startPair(
    { transport: { deadlines: { ...PATIENT, appendEntriesMs: 100 } } },
    {},
  );
  one.transport.send(appendRequest());
  const request = await two.receiver.messages.next();
  expect((await one.receiver.unreached.next()).error).toMatchObject({
    code: "timeout",
    message: `${two.address}: no answer within 100 ms`,
  });
  if (isRequest(request)) two.transport.send(agree(request));
  one.transport.send(voteRequest());
  expect(await two.receiver.messages.next()).toMatchObject({ type: "requestVote" });
  expect(one.receiver.messages.all).toHaveLength(0);
  await stop();
});

test("a peer that stops in the middle of a call is reported", async () => {
  const { one, two, stop } = await startPair({}, { serverLimits: { closeGraceMs: 1 } });
  one.transport.send(voteRequest());
  await two.receiver.messages.next();
  await two.server.close();
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "unreachable" });
  await stop();
});

test("a repeated snapshot waits for the first instead of being stored twice", async () => {
  const two = await startNode(2, { peers: new Map([[1, "127.0.0.1:1"]]) });
  // Within the process, where calls arrive in the order they are made.
  const client = createClient(
    RaftService,
    createRouterTransport((router) => two.transport.routes(router)),
  );
  const send = (lastIncludedIndex: bigint) =>
    client.installSnapshot({ term: 5n, leaderId: 1n, lastIncludedIndex, lastIncludedTerm: 4n });
  const calls = [send(9n), send(9n), send(10n)];
  const first = await two.receiver.snapshots.next();
  const other = await two.receiver.snapshots.next();
  expect([first.header.lastIncludedIndex, other.header.lastIncludedIndex]).toEqual([9, 10]);
  two.transport.send(agree(first.header));
  two.transport.send(agree(other.header));
  expect((await Promise.all(calls)).map((reply) => reply.term)).toEqual([5n, 5n, 5n]);
  const later = send(9n);
  two.transport.send(agree((await two.receiver.snapshots.next()).header));
  await later;
  await two.stop();
});

test("a snapshot that cannot be stored is an error, and can be sent again", async () => {
  const { one, two, stop } = await startPair();
  const { onSnapshot } = two.receiver;
  two.receiver.onSnapshot = () => Promise.reject(new Error("disk full"));
  const send = () => one.transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() });
  await expect(send()).rejects.toMatchObject({
    code: "unavailable",
    message: `${two.address}: the snapshot could not be stored: disk full`,
  });
  expect((await one.receiver.unreached.next()).peer).toBe(2);
  two.receiver.onSnapshot = onSnapshot;
  await send();
  await stop();
});

test("above the bound on open requests the answer is RESOURCE_EXHAUSTED", async () => {
  const { one, two, stop } = await startPair({}, { limits: { maxOpenExchanges: 2 } });
  for (let i = 0; i < 3; i += 1) one.transport.send(voteRequest());
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "busy" });
  expect(two.receiver.messages.all).toHaveLength(2);
  await stop();
});

test("an error reply is held back by the delay", async () => {
  const clock = new ManualClock();
  const two = await startNode(2, { limits: { errorDelayMs: 50 }, transport: { clock } });
  const client = createClient(
    RaftService,
    createGrpcTransport({ baseUrl: `http://${two.address}`, acceptCompression: [] }),
  );
  let ended = false;
  const call = client.appendEntries({ term: 1n, leaderId: 9n }).catch((error: unknown) => {
    ended = true;
    return ConnectError.from(error).code;
  });
  // A second call, which is not refused, goes there and back over the same connection meanwhile.
  two.transport.setPeers(new Map([[1, "127.0.0.1:1"]]));
  two.receiver.onMessage = (message) => {
    if (isRequest(message)) two.transport.send(agree(message));
  };
  await client.requestVote({ term: 1n, candidateId: 1n });
  expect(ended).toBe(false);
  clock.advance(50);
  expect(await call).toBe(Code.PermissionDenied);
  await two.stop();
});

test.for([
  ["gRPC", createGrpcTransport],
  [
    "gRPC-Web over HTTP/1.1",
    (o: { baseUrl: string }) => createGrpcWebTransport({ ...o, httpVersion: "1.1" }),
  ],
  ["gRPC-Web over HTTP/2", (o: { baseUrl: string }) => createGrpcWebTransport({ ...o, httpVersion: "2" })],
  ["Connect over HTTP/1.1", (o: { baseUrl: string }) => createConnectTransport({ ...o, httpVersion: "1.1" })],
  ["Connect over HTTP/2", (o: { baseUrl: string }) => createConnectTransport({ ...o, httpVersion: "2" })],
] as const)("the port speaks %s", async ([, create]) => {
  const two = await startNode(2, { peers: new Map([[1, "127.0.0.1:1"]]), agree: true });
  const client = createClient(RaftService, create({ baseUrl: `http://${two.address}` }));
  expect(await client.requestVote({ term: 3n, candidateId: 1n })).toMatchObject({
    term: 3n,
    voteGranted: true,
  });
  const refused = client.requestVote({ term: 0n, candidateId: 1n });
  await expect(refused).rejects.toMatchObject({ code: Code.InvalidArgument });
  await two.stop();
});

test("a snapshot of 60 MiB passes between our own nodes", async () => {
  const { one, two, stop } = await startPair();
  const data = Buffer.alloc(60 * MIB, "snapshot");
  await one.transport.sendSnapshot(snapshotHeader(), { size: data.byteLength, chunks: chunksOf(data) });
  expect(Buffer.compare((await two.receiver.snapshots.next()).data, data)).toBe(0);
  await stop();
});
