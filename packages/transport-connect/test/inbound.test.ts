import { Code, createConnectRouter, createRouterTransport } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Message, PeerIdentity } from "@eraft/core";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeRequest, ExchangeResponse } from "@eraft/proto/eraft/peer/v1";
import { ConnectTransport } from "@eraft/transport-connect";
import type { ConnectTransportOptions } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { encodeStreamRequest } from "../src/codec/peer/encode-request.ts";
import { findRejection } from "../src/stream/rejection.ts";
import { openOver } from "../src/stream/connect-pipes.ts";
import { directRouteOf } from "../src/stream/direct.ts";
import type { Pipe } from "../src/stream/pipe.ts";
import { FakePeers, settled } from "./fake-pipes.ts";
import { helloOf, RawExchange } from "./raw-stream.ts";
import { agree, ManualClock, TestReceiver, voteRequest } from "./support.ts";

const IDENTITY: PeerIdentity = { clusterId: "c", incarnation: "disk-1", starts: 3 };
const WIRE_IDENTITY = { clusterId: "c", incarnation: "disk-1", starts: 3n };

/** Server 2, whose peer is server 1, and calls to it within the process. */
async function setup(options: Partial<ConnectTransportOptions> = {}) {
  const peers = new FakePeers();
  const clock = new ManualClock();
  const transport = new ConnectTransport({ id: 2, connect: peers.connect, clock, ...options });
  const receiver = new TestReceiver();
  transport.setPeers(new Map([[1, "one:1"]]));
  const router = createConnectRouter();
  transport.routes(router);
  const open = openOver(createRouterTransport((router) => transport.routes(router)));
  await transport.start(receiver);
  const acceptOn = (pipe: Pipe<ExchangeResponse>) => acceptExchange(router)(pipe);
  return { peers, clock, transport, receiver, acceptOn, call: () => new RawExchange(open) };
}

/** Without Connect in between, to see what is written when. */
function acceptExchange(router: ConnectRouter) {
  for (const handler of router.handlers) {
    const route = directRouteOf(handler);
    if (route?.method.name === "Exchange") return route.accept;
  }
  throw new Error("there is an Exchange");
}

/** An exchange with server 1 that has been welcomed. */
async function welcomed(parts: Awaited<ReturnType<typeof setup>>, lane: Lane = Lane.CONTROL) {
  const exchange = parts.call();
  exchange.hello({}, lane);
  await exchange.frames.next();
  return exchange;
}

const vote = (sequence: number) => encodeStreamRequest(voteRequest({ sequence }));

test("a peer that introduces itself is welcomed, and its requests are received as it numbered them", async () => {
  const parts = await setup();
  const exchange = parts.call();
  exchange.hello({ versionMax: 9 });
  const { welcome } = await exchange.frames.next();
  expect(welcome).toMatchObject({ version: 1, from: 2n });
  expect(welcome?.identity).toBeUndefined();
  exchange.send({ requests: [vote(71), vote(72)] });
  expect(await parts.receiver.messages.next()).toEqual(voteRequest({ sequence: 71 }));
  expect(await parts.receiver.messages.next()).toEqual(voteRequest({ sequence: 72 }));
});

test("answers of one turn go back as one message, on the control lane if there is one", async () => {
  const parts = await setup();
  const bulk = await welcomed(parts, Lane.BULK);
  const answer = (sequence: number) => parts.transport.send(agree(voteRequest({ sequence })));
  answer(1);
  expect((await bulk.frames.next()).responses).toMatchObject([{ sequence: 1n }]);
  const control = await welcomed(parts);
  answer(2);
  answer(3);
  expect((await control.frames.next()).responses).toMatchObject([{ sequence: 2n }, { sequence: 3n }]);
  control.pipe.abort();
  await settled();
  answer(4);
  expect((await bulk.frames.next()).responses).toMatchObject([{ sequence: 4n }]);
});

test("an answer to a peer that has no stream is dropped", async () => {
  const parts = await setup();
  parts.transport.send(agree(voteRequest()));
  const control = await welcomed(parts);
  parts.transport.send(agree(voteRequest({ sequence: 5 })));
  expect((await control.frames.next()).responses).toMatchObject([{ sequence: 5n }]);
});

const refusedHellos: [why: string, Code, text: RegExp, say: (exchange: RawExchange) => void][] = [
  ["no hello", Code.InvalidArgument, /begins with a hello/, (e) => e.send({ requests: [vote(1)] })],
  ["no lane", Code.InvalidArgument, /lane/, (e) => e.hello({}, Lane.UNSPECIFIED)],
  ["an unknown lane", Code.InvalidArgument, /lane/, (e) => e.hello({}, 7 as Lane)],
  ["a sender below 0", Code.InvalidArgument, /from/, (e) => e.hello({ from: -1n })],
  ["a stranger", Code.PermissionDenied, /server 3 is not in this cluster/, (e) => e.hello({ from: 3n })],
  ["this server's own id", Code.PermissionDenied, /itself/, (e) => e.hello({ from: 2n })],
  [
    "the id of another server",
    Code.FailedPrecondition,
    /this is server 2, not server 4/,
    (e) => e.hello({ to: 4n }),
  ],
  [
    "an identity without a disk",
    Code.InvalidArgument,
    /incarnation/,
    (e) => e.hello({ identity: { ...WIRE_IDENTITY, incarnation: "" } }),
  ],
  [
    "an endless name",
    Code.InvalidArgument,
    /256/,
    (e) => e.hello({ identity: { ...WIRE_IDENTITY, clusterId: "c".repeat(257) } }),
  ],
];

test.for(refusedHellos)("a hello with %s is refused", async ([, code, text, say]) => {
  const { call, receiver } = await setup();
  const exchange = call();
  say(exchange);
  expect(await exchange.over).toMatchObject({ code, rawMessage: expect.stringMatching(text) as string });
  expect([exchange.frames.all, receiver.messages.all]).toEqual([[], []]);
});

test.for([
  ["newer", { versionMin: 2, versionMax: 3 }],
  ["older", { versionMin: 0, versionMax: 0 }],
])("a peer that speaks only %s versions is told which there are", async ([, versions]) => {
  const { call } = await setup();
  const exchange = call();
  exchange.hello(versions as { versionMin: number; versionMax: number });
  const error = await exchange.over;
  expect(error?.code).toBe(Code.FailedPrecondition);
  expect(error && findRejection(error)).toBe("version");
  expect(error?.rawMessage).toMatch(
    /^server 1 speaks versions \d to \d of eraft.peer.v1, this server 1 to 1$/,
  );
});

const faults: [why: string, say: (exchange: RawExchange) => void][] = [
  ["a second hello", (e) => e.hello()],
  ["a request of no kind", (e) => e.send({ requests: [{ sequence: 1n, term: 1n }] })],
  ["a term above 2^53 - 1", (e) => e.send({ requests: [{ ...vote(1), term: 2n ** 53n }] })],
  ["a sequence of the unary wire", (e) => e.send({ requests: [{ ...vote(1), sequence: 2n ** 52n }] })],
];

test.for(faults)("%s ends the stream, and nothing of it is received", async ([, say]) => {
  const parts = await setup();
  const exchange = await welcomed(parts);
  say(exchange);
  expect(await exchange.over).toMatchObject({ code: Code.InvalidArgument });
  expect(parts.receiver.messages.all).toEqual([]);
});

test("what came before a bad request is received, what comes after it is not", async () => {
  const parts = await setup();
  const exchange = await welcomed(parts);
  exchange.send({ requests: [vote(1), { ...vote(2), term: 0n }, vote(3)] });
  await exchange.over;
  expect(parts.receiver.messages.all).toEqual([voteRequest({ sequence: 1 })]);
});

test("who does not introduce itself in time is not waited for", async () => {
  const { call, clock } = await setup({ deadlines: { handshakeMs: 300 } });
  const exchange = call();
  await settled();
  clock.advance(300);
  expect(await exchange.over).toMatchObject({ code: Code.DeadlineExceeded });
});

test("a newer stream of the same lane takes the place of the older one", async () => {
  const parts = await setup();
  const [older, bulk] = [await welcomed(parts), await welcomed(parts, Lane.BULK)];
  const newer = await welcomed(parts);
  expect(await older.over).toMatchObject({ code: Code.Aborted });
  parts.transport.send(agree(voteRequest()));
  expect((await newer.frames.next()).responses).toHaveLength(1);
  expect(bulk.frames.all).toHaveLength(1);
});

test("before start and after stop the answer is UNAVAILABLE, and streams end with it", async () => {
  const parts = await setup();
  const exchange = await welcomed(parts);
  await parts.transport.stop();
  expect(await exchange.over).toMatchObject({
    code: Code.Unavailable,
    rawMessage: "this server has stopped",
  });
  const late = parts.call();
  late.hello();
  expect(await late.over).toMatchObject({ code: Code.Unavailable, rawMessage: "this server is not running" });
  expect(parts.clock.timers).toBe(0);
});

test("a server that is a peer no longer is told so, and not heard", async () => {
  const parts = await setup();
  const exchange = await welcomed(parts);
  parts.transport.setPeers(new Map());
  expect(await exchange.over).toMatchObject({ code: Code.PermissionDenied });
});

test("a peer that calls is called at once, if it was away", async () => {
  const parts = await setup();
  const outgoing = await parts.peers.pipes.next();
  outgoing.break(null);
  await welcomed(parts);
  expect(parts.peers.pipes.all).toHaveLength(2);
});

test("each side says who it is, and the receiver decides", async () => {
  const parts = await setup({ identity: () => IDENTITY });
  const asked: [number, PeerIdentity][] = [];
  Object.assign(parts.receiver, { identify: (...args: [number, PeerIdentity]) => (asked.push(args), null) });
  const exchange = parts.call();
  exchange.hello({ identity: { clusterId: "", incarnation: "disk-9", starts: 1n } });
  expect((await exchange.frames.next()).welcome?.identity).toMatchObject(WIRE_IDENTITY);
  expect(asked).toEqual([[1, { clusterId: null, incarnation: "disk-9", starts: 1 }]]);
});

test("a peer whose identity is refused is told why, and not heard", async () => {
  const parts = await setup();
  Object.assign(parts.receiver, { identify: () => "otherDisk" });
  const exchange = parts.call();
  exchange.hello({ identity: WIRE_IDENTITY });
  exchange.send({ requests: [vote(1)] });
  const error = await exchange.over;
  expect(error).toMatchObject({
    code: Code.FailedPrecondition,
    rawMessage: "server 1 has another disk than the cluster knows it by",
  });
  expect(error && findRejection(error)).toBe("otherDisk");
  expect([exchange.frames.all, parts.receiver.messages.all]).toEqual([[], []]);
});

test("a peer that says nothing of itself is not asked about", async () => {
  const parts = await setup();
  Object.assign(parts.receiver, { identify: () => "otherCluster" });
  const exchange = await welcomed(parts);
  exchange.send({ requests: [vote(1)] });
  expect(await parts.receiver.messages.next()).toMatchObject({ sequence: 1 });
});

test("a server that is no peer is heard if the receiver vouches for it, also after it was removed", async () => {
  const parts = await setup();
  Object.assign(parts.receiver, { identify: () => null });
  const joiner = parts.call();
  joiner.hello({ from: 3n, identity: WIRE_IDENTITY });
  await joiner.frames.next();
  parts.transport.setPeers(new Map());
  joiner.send({ requests: [vote(1)] });
  const request: Message = await parts.receiver.messages.next();
  expect(request).toEqual({ ...voteRequest({ sequence: 1 }), from: 3 });
  parts.transport.send({ ...agree(voteRequest({ sequence: 1 })), to: 3 });
  expect((await joiner.frames.next()).responses).toMatchObject([{ sequence: 1n }]);
});

test("a receiver that throws when asked, or when given a message, ends the stream and harms nobody else", async () => {
  const parts = await setup();
  const exchange = await welcomed(parts);
  parts.receiver.onMessage = () => {
    throw new Error("a bug");
  };
  exchange.send({ requests: [vote(1), vote(2)] });
  expect(await exchange.over).toMatchObject({ code: Code.Internal });
  expect(parts.receiver.messages.all).toHaveLength(1);
  Object.assign(parts.receiver, {
    identify: () => {
      throw new Error("a bug");
    },
  });
  const other = parts.call();
  other.hello({ identity: WIRE_IDENTITY });
  expect(await other.over).toMatchObject({ code: Code.Internal });
});

test("a caller that rejects us is heard as such once, until it talks to us, and what it says with it is not", async () => {
  const parts = await setup();
  const rejections: unknown[] = [];
  Object.assign(parts.receiver, { rejected: (...args: unknown[]) => rejections.push(args) });
  const reject = async () => {
    const exchange = await welcomed(parts);
    exchange.send({ rejection: { reason: 1 }, requests: [vote(1)] });
    exchange.send({ requests: [vote(2)] });
    await exchange.over;
  };
  await reject();
  await reject();
  expect(rejections).toEqual([[1, "otherCluster"]]);
  expect(parts.receiver.messages.all).toEqual([]);
  const exchange = await welcomed(parts);
  exchange.send({ requests: [vote(3)] });
  await parts.receiver.messages.next();
  await reject();
  expect(rejections).toHaveLength(2);
});

test.for([
  ["the connection breaks", false, [1]],
  ["this server closes its port", true, []],
] as const)("a peer with nothing but this stream is gone when %s: %s", async ([, isOurs, gone]) => {
  const parts = await setup();
  const reported: number[] = [];
  Object.assign(parts.receiver, { disconnected: (peer: number) => void reported.push(peer) });
  const pipe = { bufferedBytes: 0, write: () => {}, end: () => {}, abort: () => {} };
  const listener = parts.acceptOn(pipe);
  const hello: ExchangeRequest = {
    $typeName: "eraft.peer.v1.ExchangeRequest",
    hello: helloOf(),
    lane: Lane.CONTROL,
    requests: [],
  };
  listener.received(hello);
  listener.ended(null, isOurs);
  expect(reported).toEqual(gone);
});

test("answers that a peer does not read are dropped above 1 MiB, and reported", async () => {
  const parts = await setup();
  const pipe = {
    bufferedBytes: 0,
    frames: 0,
    write: () => void (pipe.frames += 1),
    end: () => {},
    abort: () => {},
  };
  const listener = parts.acceptOn(pipe);
  const hello: ExchangeRequest = {
    $typeName: "eraft.peer.v1.ExchangeRequest",
    hello: helloOf(),
    lane: Lane.CONTROL,
    requests: [],
  };
  listener.received(hello);
  parts.transport.send(agree(voteRequest()));
  await settled();
  pipe.bufferedBytes = 1024 * 1024 + 1;
  parts.transport.send(agree(voteRequest()));
  await settled();
  // The welcome and the first answer.
  expect(pipe.frames).toBe(2);
  expect(parts.receiver.unreached.all).toMatchObject([
    { peer: 1, error: { code: "busy", message: "one:1: it does not read its answers" } },
  ]);
});
