import type { Message } from "@eraft/core";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import { ConnectTransport } from "@eraft/transport-connect";
import type { ConnectTransportOptions } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { encodeStreamResponse } from "../src/codec/peer/encode-response.ts";
import { FakePeers, LOST, settled } from "./fake-pipes.ts";
import { agree, appendRequest, entriesAfter, ManualClock, TestReceiver, voteRequest } from "./support.ts";

async function setup(options: Partial<ConnectTransportOptions> = {}) {
  const peers = new FakePeers();
  const clock = new ManualClock();
  const transport = new ConnectTransport({ id: 1, connect: peers.connect, clock, ...options });
  const receiver = new TestReceiver();
  transport.setPeers(new Map([[2, "two:1"]]));
  await transport.start(receiver);
  return { peers, clock, transport, receiver };
}

/** As above, and the peer has said that it is there. */
async function welcomed(options: Partial<ConnectTransportOptions> = {}) {
  const parts = await setup(options);
  const control = await parts.peers.pipes.next();
  control.welcome();
  return { ...parts, control };
}

const append = (sequence: number, sizeBytes = 1) =>
  appendRequest({ sequence, entries: entriesAfter(9, 1, sizeBytes) });
const answerTo = (message: Extract<Message, { type: "requestVote" | "appendEntries" }>) =>
  encodeStreamResponse(agree(message));
const sequencesOf = (batch: readonly { readonly sequence: bigint }[]) =>
  batch.map(({ sequence }) => Number(sequence));

test("each peer is called at once, on the control lane", async () => {
  const { peers } = await setup();
  expect(peers.pipes.all.map(({ lane, address }) => [lane, address])).toEqual([[Lane.CONTROL, "two:1"]]);
  const [hello] = peers.pipes.all[0]?.frames ?? [];
  expect(hello).toMatchObject({ hello: { versionMin: 1, versionMax: 1, from: 1n, to: 2n }, requests: [] });
  expect(hello?.hello?.identity).toBeUndefined();
});

test("nothing is sent before the welcome, and then what has waited, at once", async () => {
  const { peers, transport } = await setup();
  const control = await peers.pipes.next();
  for (const sequence of [1, 2]) transport.send(voteRequest({ sequence }));
  await settled();
  expect(control.batches).toEqual([]);
  control.welcome();
  await settled();
  expect(control.batches.map(sequencesOf)).toEqual([[1, 2]]);
});

test("what is sent in one turn of the event loop goes out as one message", async () => {
  const { control, transport } = await welcomed();
  for (const sequence of [1, 2, 3]) transport.send(voteRequest({ sequence }));
  await settled();
  transport.send(voteRequest({ sequence: 4 }));
  await settled();
  expect(control.batches.map(sequencesOf)).toEqual([[1, 2, 3], [4]]);
});

test("but not as one that is much larger than 1 MiB", async () => {
  const { peers, transport } = await welcomed();
  for (const sequence of [1, 2, 3, 4, 5]) transport.send(append(sequence, 400_000));
  const bulk = await peers.pipes.next();
  bulk.welcome();
  await settled();
  expect(bulk.batches.map(sequencesOf)).toEqual([[1, 2], [3, 4], [5]]);
});

test("entries have a connection of their own, opened by the first of them", async () => {
  const { control, peers, transport } = await welcomed();
  transport.send(appendRequest());
  await settled();
  expect([peers.pipes.all.length, peers.connections]).toEqual([1, 1]);
  transport.send(append(5));
  const bulk = peers.pipes.all[1];
  expect([bulk?.lane, peers.connections]).toEqual([Lane.BULK, 2]);
  bulk?.welcome();
  await settled();
  expect(bulk?.batches.map(sequencesOf)).toEqual([[5]]);
  expect(control.batches.map(sequencesOf)).toEqual([[72]]);
});

test("no such connection is made to a peer that may not speak eraft.peer.v1", async () => {
  const { peers, transport } = await setup();
  transport.send(append(5));
  await settled();
  expect(peers.connections).toBe(1);
  (await peers.pipes.next()).welcome();
  expect((await peers.pipes.next()).lane).toBe(Lane.BULK);
});

test("answers are handed over, from whichever stream", async () => {
  const { control, peers, receiver, transport } = await welcomed();
  transport.send(append(5));
  const bulk = peers.pipes.all[1];
  bulk?.welcome();
  control.answer(answerTo(append(5)), answerTo(voteRequest()));
  bulk?.answer(answerTo(voteRequest({ sequence: 9 })));
  expect(receiver.messages.all).toEqual([
    agree(append(5)),
    agree(voteRequest()),
    agree(voteRequest({ sequence: 9 })),
  ]);
});

test("entries leave room for heartbeats, what finds no room is reported as busy, and answers make room", async () => {
  const limits = { maxInFlight: 4, reservedInFlight: 1 };
  const { control, peers, receiver, transport } = await welcomed({ limits });
  for (const sequence of [1, 2, 3, 4]) transport.send(append(sequence));
  transport.send(voteRequest({ sequence: 5 }));
  transport.send(voteRequest({ sequence: 6 }));
  await settled();
  expect(receiver.unreached.all.map(({ error }) => (error as { code?: string }).code)).toEqual([
    "busy",
    "busy",
  ]);
  peers.pipes.all[1]?.welcome();
  // That the second has arrived says that the first has.
  control.answer(answerTo(append(2)));
  transport.send(append(7));
  transport.send(voteRequest({ sequence: 8 }));
  transport.send(voteRequest({ sequence: 9 }));
  await settled();
  expect(sequencesOf(peers.pipes.all[1]?.batches.flat() ?? [])).toEqual([1, 2, 3, 7]);
  expect(sequencesOf(control.batches.flat())).toEqual([5, 8]);
});

test("a request that is never answered makes way when it is old and its place is needed", async () => {
  const limits = { maxInFlight: 2, reservedInFlight: 1, maxHoldMs: 1000 };
  const { clock, control, receiver, transport } = await welcomed({ limits });
  for (const sequence of [1, 2]) transport.send(voteRequest({ sequence }));
  clock.advance(999);
  transport.send(voteRequest({ sequence: 3 }));
  clock.advance(1);
  for (const sequence of [4, 5, 6]) transport.send(voteRequest({ sequence }));
  await settled();
  expect(sequencesOf(control.batches.flat())).toEqual([1, 2, 4, 5]);
  expect(receiver.unreached.all).toHaveLength(2);
});

test("a stream that breaks loses what is under way on it, which is reported once", async () => {
  const { control, peers, receiver, transport } = await welcomed();
  for (const sequence of [1, 2]) transport.send(append(sequence));
  const bulk = await peers.pipes.next();
  bulk.welcome();
  bulk.break(LOST);
  await settled();
  expect(receiver.unreached.all).toMatchObject([
    { peer: 2, error: { code: "unreachable", message: "two:1: connection lost before the answer" } },
  ]);
  control.break(LOST);
  await settled();
  // Nothing was under way there.
  expect(receiver.unreached.all).toHaveLength(1);
});

test("places are given back when a stream breaks", async () => {
  const limits = { maxInFlight: 2, reservedInFlight: 1 };
  const { clock, control, peers, receiver, transport } = await welcomed({ limits });
  for (const sequence of [1, 2]) transport.send(voteRequest({ sequence }));
  control.break(LOST);
  clock.advance(50);
  const again = await peers.pipes.next();
  again.welcome();
  for (const sequence of [3, 4]) transport.send(voteRequest({ sequence }));
  await settled();
  expect(sequencesOf(again.batches.flat())).toEqual([3, 4]);
  expect(receiver.unreached.all).toHaveLength(1);
});

test("a peer that cannot be reached is called again after 50 ms, then ever more rarely, up to once a second", async () => {
  const { clock, peers } = await setup();
  const attempts: number[] = [];
  const start = clock.now();
  for (let calls = 1; calls <= 8; calls += 1) {
    (await peers.pipes.next()).break(LOST);
    while (peers.pipes.all.length === calls) clock.advance(10);
    attempts.push(clock.now() - start);
  }
  const pauses = attempts.map((at, i) => at - (attempts[i - 1] ?? 0));
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1000, 1000, 1000]);
});

test("with something to send it is called again after 50 ms, and until then that is reported as lost", async () => {
  const { clock, peers, receiver, transport } = await setup();
  // So that it would be left alone for 400 ms.
  for (const pauseMs of [50, 100, 200, 0]) {
    (await peers.pipes.next()).break(LOST);
    clock.advance(pauseMs);
  }
  clock.advance(49);
  transport.send(voteRequest());
  await settled();
  expect([peers.pipes.all.length, receiver.unreached.all.length]).toEqual([4, 1]);
  clock.advance(1);
  transport.send(voteRequest());
  await settled();
  expect([peers.pipes.all.length, receiver.unreached.all.length]).toEqual([5, 1]);
  const control = await peers.pipes.next();
  control.welcome();
  await settled();
  expect(control.batches).toHaveLength(1);
});

test("a peer that does not welcome us in time is given up for the moment", async () => {
  const { clock, peers, receiver, transport } = await setup({ deadlines: { handshakeMs: 300 } });
  const control = await peers.pipes.next();
  transport.send(voteRequest());
  clock.advance(299);
  expect(control.over).toBe(null);
  clock.advance(1);
  await settled();
  expect(control.over).toBe("aborted");
  expect(receiver.unreached.all).toMatchObject([
    { error: { code: "timeout", message: "two:1: no answer within 300 ms" } },
  ]);
  clock.advance(50);
  expect(peers.pipes.all).toHaveLength(2);
});

test("an answer that cannot be valid breaks the stream, and nothing of it is received", async () => {
  const { clock, control, peers, receiver, transport } = await welcomed();
  transport.send(voteRequest());
  await settled();
  control.answer({ ...answerTo(voteRequest()), term: 2n ** 53n }, answerTo(voteRequest()));
  await settled();
  expect([control.over, receiver.messages.all]).toEqual(["aborted", []]);
  expect(receiver.unreached.all).toMatchObject([{ error: { code: "invalidReply" } }]);
  // Not at once: it would say the same again.
  clock.advance(999);
  expect(peers.pipes.all).toHaveLength(1);
  clock.advance(1);
  expect(peers.pipes.all).toHaveLength(2);
});

test("after stop nothing is called, delivered or reported any more", async () => {
  const { clock, control, peers, receiver, transport } = await welcomed();
  transport.send(voteRequest());
  transport.send(append(3));
  await transport.stop();
  control.answer(answerTo(voteRequest()));
  control.break(LOST);
  await settled();
  expect(clock.timers).toBe(0);
  expect(peers.pipes.all.map(({ over }) => over)).toEqual(["aborted", "aborted"]);
  expect(peers.closed).toEqual(["two:1", "two:1"]);
  expect([receiver.messages.all, receiver.unreached.all]).toEqual([[], []]);
});

test("a peer that moves is called at its new address; one that is removed is not called any more", async () => {
  const { clock, control, peers, transport } = await welcomed();
  transport.setPeers(new Map([[2, "two:2"]]));
  expect(control.over).toBe("aborted");
  const moved = await peers.pipes.next();
  expect([moved.address, peers.closed]).toEqual(["two:2", ["two:1"]]);
  transport.setPeers(new Map());
  expect(moved.over).toBe("aborted");
  clock.advance(100_000);
  expect([peers.pipes.all.length, clock.timers]).toEqual([2, 0]);
});
