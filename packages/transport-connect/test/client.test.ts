import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { AppendEntriesRequest } from "@eraft/proto/raftpb";
import { AppendEntriesResponseSchema, InstallSnapshotResponseSchema } from "@eraft/proto/raftpb";
import { ConnectTransport, PeerError } from "@eraft/transport-connect";
import type { ConnectTransportOptions, PeerConnection } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { InFlight } from "../src/client/in-flight.ts";
import {
  appendRequest,
  chunksOf,
  entriesAfter,
  Inbox,
  snapshotHeader,
  TestReceiver,
  voteRequest,
} from "./support.ts";

interface Call {
  readonly message: unknown;
  readonly timeoutMs: number | undefined;
  readonly resolve: (message: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Connections whose answers the test gives. */
class FakeNetwork {
  readonly calls = new Inbox<Call>();
  readonly opened: string[] = [];
  readonly closed: string[] = [];

  readonly connect = (address: string): PeerConnection => {
    this.opened.push(address);
    const unary = (...[method, signal, timeoutMs, , message]: Parameters<PeerConnection["unary"]>) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      signal?.addEventListener("abort", () => reject(signal.reason));
      this.calls.push({ message, timeoutMs, resolve, reject });
      return promise.then((reply) => ({
        stream: false,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: reply,
      }));
    };
    const close = () => void this.closed.push(address);
    // Nothing here makes a streaming call.
    const connection: Partial<Record<keyof PeerConnection, unknown>> = { unary, close };
    return connection as PeerConnection;
  };
}

async function setup(options: Partial<ConnectTransportOptions> = {}) {
  const network = new FakeNetwork();
  const transport = new ConnectTransport({ id: 1, connect: network.connect, streams: false, ...options });
  const receiver = new TestReceiver();
  transport.setPeers(new Map([[2, "two:1"]]));
  await transport.start(receiver);
  return { network, transport, receiver };
}

const success = (term = 5n) => create(AppendEntriesResponseSchema, { term, success: true });

test("each kind of call has its deadline", async () => {
  const { network, transport } = await setup({ deadlines: { appendEntriesMs: 70 } });
  transport.send(voteRequest());
  transport.send(appendRequest());
  const sending = transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() });
  const deadlines = [await network.calls.next(), await network.calls.next(), await network.calls.next()];
  expect(deadlines.map((call) => call.timeoutMs)).toEqual([100, 70, 1000]);
  const ended = sending.catch((error: unknown) => error);
  await transport.stop();
  expect(await ended).toMatchObject({ code: "stopped" });
});

test("a message above the limit is sent in part, and the match index is of that part", async () => {
  const { network, transport, receiver } = await setup({ limits: { maxMessageBytes: 2500 } });
  transport.send(appendRequest({ leaderCommit: 12, entries: entriesAfter(9, 3, 1000) }));
  const call = await network.calls.next();
  const message = call.message as AppendEntriesRequest;
  expect(message.entries.map((entry) => entry.index)).toEqual([10n, 11n]);
  expect(message.leaderCommit).toBe(11n);
  call.resolve(success());
  expect(await receiver.messages.next()).toMatchObject({ success: true, matchIndex: 11, sequence: 72 });
});

test("an entry that fits into no message is reported, not sent", async () => {
  const { network, transport, receiver } = await setup({ limits: { maxMessageBytes: 2500 } });
  transport.send(appendRequest({ entries: entriesAfter(9, 1, 3000) }));
  const { peer, error } = await receiver.unreached.next();
  expect(peer).toBe(2);
  expect(error).toBeInstanceOf(PeerError);
  expect(error).toMatchObject({
    code: "tooLarge",
    message: "two:1: entry 10 of 3000 bytes exceeds a message of 2500 bytes",
  });
  expect(network.calls.all).toHaveLength(0);
});

test("a reply that cannot be valid is reported and never received", async () => {
  const { network, transport, receiver } = await setup();
  transport.send(appendRequest());
  (await network.calls.next()).resolve(success(99n));
  expect((await receiver.unreached.next()).error).toMatchObject({ code: "invalidReply" });
  expect(receiver.messages.all).toHaveLength(0);
});

test("appends leave room for heartbeats and votes, and what finds no room is dropped and reported", async () => {
  const { network, transport, receiver } = await setup({ limits: { maxInFlight: 3, reservedInFlight: 1 } });
  const append = appendRequest({ entries: entriesAfter(9, 1, 1) });
  for (let i = 0; i < 5; i += 1) transport.send(append);
  expect(network.calls.all).toHaveLength(2);
  transport.send(appendRequest());
  expect(network.calls.all).toHaveLength(3);
  transport.send(voteRequest());
  expect(network.calls.all).toHaveLength(3);
  for (let i = 0; i < 4; i += 1) {
    expect((await receiver.unreached.next()).error).toMatchObject({ code: "busy" });
  }
  (await network.calls.next()).resolve(success());
  await receiver.messages.next();
  await Promise.resolve();
  transport.send(append);
  expect(network.calls.all).toHaveLength(4);
});

test("bytes under way are bounded, but a single message of any size passes", () => {
  const inFlight = new InFlight({ maxInFlight: 10, reservedInFlight: 1, maxInFlightBytes: 1000 });
  expect(inFlight.enter(5000)).toBe(true);
  expect(inFlight.enter(1)).toBe(false);
  expect(inFlight.enter(0)).toBe(true);
  inFlight.leave(5000);
  expect(inFlight.enter(600)).toBe(true);
  expect(inFlight.enter(400)).toBe(true);
  expect(inFlight.enter(1)).toBe(false);
});

const translated: [why: string, reason: unknown, code: string, text: string][] = [
  ["a refused connection", nodeError("ECONNREFUSED"), "unreachable", "two:1: connection refused"],
  ["a reset connection", nodeError("ECONNRESET"), "unreachable", "two:1: connection reset"],
  ["an unknown host", nodeError("ENOTFOUND"), "unreachable", "two:1: host not found"],
  ["a deadline", new ConnectError("x", Code.DeadlineExceeded), "timeout", "two:1: no answer within 100 ms"],
  [
    "a dying peer",
    new ConnectError("x", Code.Canceled),
    "unreachable",
    "two:1: connection lost before the answer",
  ],
  ["a stopping peer", new ConnectError("going", Code.Unavailable), "unavailable", "two:1: going"],
  ["a full peer", new ConnectError("full", Code.ResourceExhausted), "busy", "two:1: full"],
  ["a refusal", new ConnectError("no", Code.FailedPrecondition), "refused", "two:1: no"],
  ["another cluster", new ConnectError("no", Code.PermissionDenied), "refused", "two:1: no"],
  ["another service", new ConnectError("what", Code.Unimplemented), "unsupported", "two:1: what"],
  [
    "a request that crossed GOAWAY",
    new ConnectError("Stream closed with error code NGHTTP2_REFUSED_STREAM", Code.Internal),
    "unreachable",
    "two:1: connection was being closed by the peer",
  ],
  ["no ConnectError at all", new TypeError("odd"), "unavailable", "two:1: odd"],
];

function nodeError(code: string): ConnectError {
  const cause = Object.assign(new Error(`connect ${code}`), { code });
  return new ConnectError(cause.message, Code.Unavailable, undefined, undefined, cause);
}

test.for(translated)("reported in words: %s", async ([, reason, code, message]) => {
  const { network, transport, receiver } = await setup();
  transport.send(voteRequest());
  (await network.calls.next()).reject(reason);
  const { error } = await receiver.unreached.next();
  expect(error).toMatchObject({ code, message, cause: reason });
});

test("a connect function that throws is reported, not thrown by send", async () => {
  const receiver = new TestReceiver();
  const transport = new ConnectTransport({
    id: 1,
    streams: false,
    connect: () => {
      throw new Error("no certificate");
    },
  });
  transport.setPeers(new Map([[2, "two:1"]]));
  await transport.start(receiver);
  transport.send(voteRequest());
  expect((await receiver.unreached.next()).error.message).toBe("two:1: no certificate");
});

test("messages to nobody, and before start and after stop, are dropped", async () => {
  const network = new FakeNetwork();
  const transport = new ConnectTransport({ id: 1, connect: network.connect, streams: false });
  transport.setPeers(new Map([[2, "two:1"]]));
  transport.send(voteRequest());
  await transport.start(new TestReceiver());
  transport.send(voteRequest({ to: 3 }));
  await transport.stop();
  transport.send(voteRequest());
  expect(network.opened).toEqual([]);
  await expect(
    transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() }),
  ).rejects.toMatchObject({ code: "stopped" });
});

test("a peer that moves is called at its new address, and its old connection is closed", async () => {
  const { network, transport, receiver } = await setup();
  transport.send(appendRequest());
  transport.send(voteRequest());
  // One answer is here, but has not reached the receiver yet; the other call is still open.
  (await network.calls.next()).resolve(success());
  const moved = new Map([[2, "two:2"]]);
  transport.setPeers(moved);
  expect(network.closed).toEqual(["two:1"]);
  transport.send(voteRequest());
  expect(network.opened).toEqual(["two:1", "two:2"]);
  transport.setPeers(new Map());
  expect(network.closed).toEqual(["two:1", "two:2"]);
  // By the next turn of the event loop every promise has had its say.
  await new Promise((resolve) => setImmediate(resolve));
  expect([receiver.messages.all, receiver.unreached.all]).toEqual([[], []]);
});

test.for([
  ["no port", [[2, "host"]]],
  ["port 0", [[2, "host:0"]]],
  ["port above 65535", [[2, "host:65536"]]],
  ["a URL", [[2, "http://host:1"]]],
  ["bare IPv6", [[2, "::1:5000"]]],
  ["own id", [[1, "host:1"]]],
  ["negative id", [[-1, "host:1"]]],
] as [string, [number, string][]][])("setPeers refuses %s and changes nothing", async ([, peers]) => {
  const { network, transport } = await setup();
  expect(() => transport.setPeers(new Map(peers))).toThrow(/host:port|own peer|node id/);
  transport.send(voteRequest());
  await network.calls.next();
  expect(network.opened).toEqual(["two:1"]);
});

test("IPv6 addresses are in brackets", async () => {
  const { network, transport } = await setup();
  transport.setPeers(new Map([[2, "[::1]:5000"]]));
  transport.send(voteRequest());
  await network.calls.next();
  expect(network.opened).toEqual(["[::1]:5000"]);
});

test("a snapshot above the limit is refused before anything is read or opened", async () => {
  const { network, transport } = await setup({ limits: { maxSnapshotBytes: 10 } });
  const chunks: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      throw new Error("must not be read");
    },
  };
  await expect(transport.sendSnapshot(snapshotHeader(), { size: 11, chunks })).rejects.toMatchObject({
    code: "tooLarge",
    message: "two:1: a snapshot of 11 bytes exceeds the limit of 10 bytes",
  });
  expect(network.opened).toEqual([]);
});

test("a snapshot has a connection of its own, for as long as it takes", async () => {
  const { network, transport, receiver } = await setup();
  transport.send(appendRequest());
  await network.calls.next();
  const sending = transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() });
  const call = await network.calls.next();
  expect([network.opened.length, network.closed.length]).toEqual([2, 0]);
  call.resolve(create(InstallSnapshotResponseSchema, { term: 5n }));
  await sending;
  expect(receiver.messages.all).toMatchObject([{ type: "installSnapshotResponse", sequence: 73 }]);
  expect([network.opened.length, network.closed.length]).toEqual([2, 1]);
});

test.for([[1], [3]])("a snapshot of %i bytes announced with 2 is not sent", async ([size]) => {
  const { network, transport } = await setup();
  const snapshot = { size: 2, chunks: chunksOf(new Uint8Array(size ?? 0)) };
  await expect(transport.sendSnapshot(snapshotHeader(), snapshot)).rejects.toThrow(/announced/);
  expect(network.opened).toEqual([]);
});

test.for([
  ["deadlines", { deadlines: { requestVoteMs: 0 } }],
  ["limits", { limits: { maxInFlight: 2.5 } }],
  ["reserve", { limits: { maxInFlight: 4, reservedInFlight: 4 } }],
  ["id", { id: -1 }],
] as [string, Partial<ConnectTransportOptions>][])("a bad option is refused: %s", ([, options]) => {
  const { connect } = new FakeNetwork();
  expect(() => new ConnectTransport({ id: 1, connect, ...options })).toThrow(RangeError);
});
