import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Configuration } from "@eraft/core";
import { AppendEntriesResponseSchema } from "@eraft/proto/raftpb";
import { ConnectTransport } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { versionError } from "../src/stream/rejection.ts";
import { FakePeers, LOST, settled, UNIMPLEMENTED } from "./fake-pipes.ts";
import {
  appendRequest,
  chunksOf,
  entriesAfter,
  ManualClock,
  snapshotHeader,
  TestReceiver,
  voteRequest,
} from "./support.ts";

const CONFIGURATION: Configuration = {
  members: [{ id: 1, address: "one:1", standing: "voter", incarnation: null }],
};

async function setup() {
  const peers = new FakePeers();
  const clock = new ManualClock();
  const transport = new ConnectTransport({ id: 1, connect: peers.connect, clock });
  const receiver = new TestReceiver();
  transport.setPeers(new Map([[2, "two:1"]]));
  await transport.start(receiver);
  return { peers, clock, transport, receiver };
}

/** A peer that has told us that it speaks raftpb.RaftService only. */
async function unaryPeer() {
  const parts = await setup();
  (await parts.peers.pipes.next()).break(UNIMPLEMENTED);
  return parts;
}

const kindsOf = ({ calls }: FakePeers) => calls.all.map(({ message }) => message.$typeName);
const envelope = { from: 1, to: 2, term: 5 } as const;

test("a peer that does not know eraft.peer.v1 gets unary calls, what has waited included", async () => {
  const { peers, receiver, transport } = await setup();
  transport.send(voteRequest());
  transport.send(appendRequest({ entries: entriesAfter(9, 1, 1) }));
  await settled();
  expect(kindsOf(peers)).toEqual([]);
  (await peers.pipes.next()).break(UNIMPLEMENTED);
  transport.send(appendRequest());
  expect(kindsOf(peers)).toEqual([
    "raftpb.RequestVoteRequest",
    "raftpb.AppendEntriesRequest",
    "raftpb.AppendEntriesRequest",
  ]);
  expect(peers.connections).toBe(1);
  peers.calls.all[2]?.resolve(create(AppendEntriesResponseSchema, { term: 5n, success: true }));
  expect(await receiver.messages.next()).toMatchObject({ success: true, matchIndex: 9, sequence: 72 });
  expect(receiver.unreached.all).toEqual([]);
});

test("it is answered for what it does not know: a PreVote granted, a ReadIndex with -1, TimeoutNow not at all", async () => {
  const { peers, receiver, transport } = await unaryPeer();
  transport.send({ type: "preVote", ...envelope, sequence: 7, lastLogIndex: 9, lastLogTerm: 4 });
  transport.send({ type: "readIndex", ...envelope, sequence: 8 });
  transport.send({ type: "timeoutNow", ...envelope, sequence: 9 });
  // Not from within send.
  expect(receiver.messages.all).toEqual([]);
  await settled();
  const answer = { from: 2, to: 1, term: 5 };
  expect(receiver.messages.all).toEqual([
    { type: "preVoteResponse", ...answer, sequence: 7, voteGranted: true },
    { type: "readIndexResponse", ...answer, sequence: 8, readIndex: -1 },
  ]);
  expect([kindsOf(peers), receiver.unreached.all]).toEqual([[], []]);
});

test("which peers they are, is told once it is known", async () => {
  const { peers, transport } = await setup();
  expect(transport.unaryPeers).toEqual([]);
  (await peers.pipes.next()).break(UNIMPLEMENTED);
  expect(transport.unaryPeers).toEqual([2]);
  await transport.stop();
  expect(transport.unaryPeers).toEqual([]);
});

test("nobody is answered for before it is known that the peer does not know it", async () => {
  const { peers, receiver, transport } = await setup();
  transport.send({ type: "preVote", ...envelope, sequence: 7, lastLogIndex: 9, lastLogTerm: 4 });
  await settled();
  (await peers.pipes.next()).break(LOST);
  await settled();
  expect(receiver.messages.all).toEqual([]);
  expect(receiver.unreached.all).toMatchObject([{ peer: 2, error: { code: "unreachable" } }]);
});

test("an entry with a configuration is reported as unsupported, after the entries before it are sent", async () => {
  const { peers, receiver, transport } = await unaryPeer();
  const [first, second, third] = entriesAfter(9, 3, 1);
  if (!first || !second || !third) throw new Error("three entries");
  const changed = { index: second.index, term: 5, command: new Uint8Array(0), configuration: CONFIGURATION };
  transport.send(appendRequest({ entries: [first, changed, third] }));
  expect(peers.calls.all[0]?.message).toMatchObject({ entries: [{ index: 10n }] });
  peers.calls.all[0]?.resolve(create(AppendEntriesResponseSchema, { term: 5n, success: true }));
  expect(await receiver.messages.next()).toMatchObject({ matchIndex: 10 });
  transport.send(appendRequest({ prevLogIndex: 10, prevLogTerm: 5, entries: [changed, third] }));
  await settled();
  expect(peers.calls.all).toHaveLength(1);
  expect(receiver.unreached.all).toMatchObject([
    {
      error: {
        code: "unsupported",
        message: "two:1: raftpb.RaftService, all that it speaks, cannot carry entry 11, a configuration",
      },
    },
  ]);
});

test("so is a snapshot with a configuration, and nothing of it is read", async () => {
  const { peers, transport } = await unaryPeer();
  const header = snapshotHeader({ configuration: CONFIGURATION });
  const snapshot = { size: 3, chunks: chunksOf(new Uint8Array(3)) };
  await expect(transport.sendSnapshot(header, snapshot)).rejects.toMatchObject({ code: "unsupported" });
  expect(peers.connections).toBe(1);
  expect((await snapshot.chunks.next()).done).toBe(false);
});

test("a snapshot waits until it is known what the peer speaks", async () => {
  const { peers, transport } = await setup();
  const sent = transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() });
  await settled();
  expect(kindsOf(peers)).toEqual([]);
  (await peers.pipes.next()).break(UNIMPLEMENTED);
  await settled();
  expect(kindsOf(peers)).toEqual(["raftpb.InstallSnapshotRequest"]);
  const ended = sent.catch((error: unknown) => error);
  await transport.stop();
  expect(await ended).toMatchObject({ code: "stopped" });
});

test.for([
  ["cannot be reached", (peers: FakePeers) => peers.pipes.all[0]?.break(LOST), "unreachable"],
  ["is removed", null, "stopped"],
] as const)("a snapshot that waits fails when the peer %s", async ([, end, code]) => {
  const { peers, transport } = await setup();
  const sent = transport.sendSnapshot(snapshotHeader(), { size: 0, chunks: chunksOf() });
  const ended = sent.catch((error: unknown) => error);
  if (end === null) transport.setPeers(new Map());
  else end(peers);
  expect(await ended).toMatchObject({ code });
});

test("a peer that was away is asked again, and when it is another program, spoken to by streams", async () => {
  const { clock, peers, receiver, transport } = await unaryPeer();
  transport.send(voteRequest());
  // As of a process that has just been replaced.
  peers.calls.all[0]?.reject(LOST);
  await receiver.unreached.next();
  const asked = peers.pipes.all[1];
  expect(asked?.frames).toHaveLength(1);
  transport.send(voteRequest());
  expect(peers.calls.all).toHaveLength(2);
  asked?.break(LOST);
  clock.advance(100);
  const control = peers.pipes.all[2];
  control?.welcome();
  transport.send(voteRequest());
  await settled();
  expect([control?.batches.length, peers.calls.all.length]).toEqual([1, 2]);
});

test("one that cannot be reached is asked again after a pause, not for each call that fails", async () => {
  const { clock, peers, receiver, transport } = await unaryPeer();
  for (let i = 0; i < 4; i += 1) {
    transport.send(voteRequest());
    peers.calls.all[i]?.reject(LOST);
    await receiver.unreached.next();
    peers.pipes.all[1]?.break(LOST);
  }
  expect(peers.pipes.all).toHaveLength(2);
  clock.advance(100);
  expect(peers.pipes.all).toHaveLength(3);
});

test("one that is as it was goes on as before, and is not asked again for each call that fails", async () => {
  const { peers, receiver, transport } = await unaryPeer();
  for (let i = 0; i < 3; i += 1) transport.send(voteRequest());
  for (const call of peers.calls.all) call.reject(LOST);
  for (let i = 0; i < 3; i += 1) await receiver.unreached.next();
  expect(peers.pipes.all).toHaveLength(2);
  peers.pipes.all[1]?.break(UNIMPLEMENTED);
  transport.send(voteRequest());
  expect([peers.pipes.all.length, peers.calls.all.length]).toEqual([2, 4]);
});

test("a deadline that passes, or a refusal, is no reason to ask again", async () => {
  const { peers, receiver, transport } = await unaryPeer();
  for (let i = 0; i < 2; i += 1) transport.send(voteRequest());
  peers.calls.all[0]?.reject(new ConnectError("late", Code.DeadlineExceeded));
  peers.calls.all[1]?.reject(new ConnectError("no", Code.FailedPrecondition));
  for (let i = 0; i < 2; i += 1) await receiver.unreached.next();
  expect(peers.pipes.all).toHaveLength(1);
});

test("a peer that has always been there is asked again every minute, and when the cluster changes", async () => {
  const { clock, peers, transport } = await unaryPeer();
  clock.advance(59_999);
  expect(peers.pipes.all).toHaveLength(1);
  clock.advance(1);
  expect(peers.pipes.all).toHaveLength(2);
  peers.pipes.all[1]?.break(UNIMPLEMENTED);
  transport.setPeers(new Map([[2, "two:1"]]));
  expect(peers.pipes.all).toHaveLength(3);
});

test("a peer that is put back to an older version gets unary calls again, what has waited included", async () => {
  const { clock, peers, receiver, transport } = await setup();
  const control = await peers.pipes.next();
  control.welcome();
  control.break(LOST);
  clock.advance(50);
  transport.send(voteRequest());
  peers.pipes.all[1]?.break(UNIMPLEMENTED);
  expect(kindsOf(peers)).toEqual(["raftpb.RequestVoteRequest"]);
  expect(receiver.unreached.all).toEqual([]);
});

test("without a version that both speak the unary contract serves, and that is reported once", async () => {
  const { clock, peers, receiver, transport } = await setup();
  const text = "server 1 speaks versions 1 to 1 of eraft.peer.v1, this server 5 to 7";
  for (let i = 0; i < 2; i += 1) {
    (await peers.pipes.next()).break(versionError(text, { min: 5, max: 7 }));
    transport.send(voteRequest());
    await settled();
    expect(peers.calls.all).toHaveLength(i + 1);
    clock.advance(60_000);
  }
  expect(receiver.unreached.all).toMatchObject([
    { error: { code: "unsupported", message: `two:1: ${text}` } },
  ]);
});

test("a welcome in a version that is unknown here is answered by no request", async () => {
  const { peers, receiver, transport } = await setup();
  transport.send(voteRequest());
  const control = await peers.pipes.next();
  control.welcome({ version: 2 });
  await settled();
  expect([control.over, control.frames.length]).toEqual(["aborted", 1]);
  expect(receiver.unreached.all).toMatchObject([{ error: { code: "unsupported" } }]);
  expect(kindsOf(peers)).toEqual(["raftpb.RequestVoteRequest"]);
});
