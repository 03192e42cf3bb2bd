import { Code, ConnectError } from "@connectrpc/connect";
import type { IdentityRefusal, PeerIdentity } from "@eraft/core";
import { RejectionReason } from "@eraft/proto/eraft/peer/v1";
import { ConnectTransport } from "@eraft/transport-connect";
import type { ConnectTransportOptions } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { encodeStreamResponse } from "../src/codec/peer/encode-response.ts";
import { rejectionError } from "../src/stream/rejection.ts";
import { FakePeers, LOST, settled } from "./fake-pipes.ts";
import { agree, appendRequest, entriesAfter, ManualClock, TestReceiver, voteRequest } from "./support.ts";

const IDENTITY: PeerIdentity = { clusterId: null, incarnation: "disk-1", starts: 3 };
const OTHER: PeerIdentity = { clusterId: "c", incarnation: "disk-2", starts: 1 };

/** Server 1, that calls server 2 and has something to say to it. */
async function setup(options: Partial<ConnectTransportOptions> = {}) {
  const peers = new FakePeers();
  const clock = new ManualClock();
  const transport = new ConnectTransport({ id: 1, connect: peers.connect, clock, ...options });
  const rejections: [number, IdentityRefusal][] = [];
  const receiver = Object.assign(new TestReceiver(), {
    rejected: (...rejection: [number, IdentityRefusal]) => void rejections.push(rejection),
  });
  transport.setPeers(new Map([[2, "two:1"]]));
  await transport.start(receiver);
  transport.send(voteRequest());
  await settled();
  return { peers, clock, transport, receiver, rejections, control: await peers.pipes.next() };
}

test("what this server says of itself is asked for with each stream", async () => {
  let identity = IDENTITY;
  const { clock, control, peers } = await setup({ identity: () => identity });
  expect(control.frames[0]?.hello?.identity).toMatchObject({
    clusterId: "",
    incarnation: "disk-1",
    starts: 3n,
  });
  // A server that was to join has been told which cluster that is.
  identity = { ...IDENTITY, clusterId: "c" };
  control.break(LOST);
  clock.advance(50);
  expect(peers.pipes.all[1]?.frames[0]?.hello?.identity?.clusterId).toBe("c");
});

test("a peer that the receiver refuses is told why, hears nothing else and is not heard", async () => {
  const { control, receiver, rejections } = await setup();
  const asked: [number, PeerIdentity][] = [];
  Object.assign(receiver, { identify: (...args: [number, PeerIdentity]) => (asked.push(args), "olderDisk") });
  control.welcome({}, OTHER);
  control.answer(encodeStreamResponse(agree(voteRequest())));
  await settled();
  expect(asked).toEqual([[2, OTHER]]);
  expect(control.frames.slice(1)).toMatchObject([
    { requests: [], rejection: { reason: RejectionReason.OLDER_DISK } },
  ]);
  expect([control.over, receiver.messages.all, rejections]).toEqual(["ended", [], []]);
  expect(receiver.unreached.all).toMatchObject([
    { error: { code: "refused", message: "two:1: server 2 has an older copy of its disk" } },
  ]);
});

test("it is asked again every 5 s, whatever there is to send, and with every change of the cluster", async () => {
  const { clock, control, peers, receiver, transport } = await setup();
  let refusal: IdentityRefusal | null = "otherDisk";
  Object.assign(receiver, { identify: () => refusal });
  control.welcome({}, OTHER);
  await settled();
  clock.advance(4999);
  transport.send(voteRequest());
  await settled();
  expect([peers.pipes.all.length, receiver.unreached.all.length]).toEqual([1, 2]);
  clock.advance(1);
  peers.pipes.all[1]?.welcome({}, OTHER);
  transport.setPeers(new Map([[2, "two:1"]]));
  refusal = null;
  const third = peers.pipes.all[2];
  third?.welcome({}, OTHER);
  transport.send(voteRequest());
  await settled();
  expect(third?.batches).toHaveLength(1);
});

test("a peer that refuses us is heard as such once, is asked again every 5 s, and gets nothing over unary calls", async () => {
  const { clock, control, peers, receiver, rejections, transport } = await setup();
  control.break(rejectionError(1, "otherCluster"));
  await settled();
  expect(receiver.unreached.all).toMatchObject([
    { error: { code: "refused", message: "two:1: server 1 belongs to another cluster" } },
  ]);
  for (let calls = 2; calls <= 4; calls += 1) {
    clock.advance(4999);
    transport.send(voteRequest());
    transport.send(appendRequest({ entries: entriesAfter(9, 1, 1) }));
    expect(peers.pipes.all).toHaveLength(calls - 1);
    clock.advance(1);
    peers.pipes.all[calls - 1]?.break(rejectionError(1, "otherCluster"));
  }
  expect(rejections).toEqual([[2, "otherCluster"]]);
  expect([peers.calls.all, peers.connections]).toEqual([[], 1]);
});

test("another refusal is news, and so is the same after the peer had talked to us", async () => {
  const { clock, control, peers, rejections } = await setup();
  control.break(rejectionError(1, "otherCluster"));
  clock.advance(5000);
  peers.pipes.all[1]?.break(rejectionError(1, "otherDisk"));
  clock.advance(5000);
  peers.pipes.all[2]?.welcome();
  peers.pipes.all[2]?.break(LOST);
  clock.advance(1000);
  peers.pipes.all[3]?.break(rejectionError(1, "otherDisk"));
  expect(rejections).toEqual([
    [2, "otherCluster"],
    [2, "otherDisk"],
    [2, "otherDisk"],
  ]);
});

test("a precondition that fails for another reason is no rejection", async () => {
  const { clock, control, peers, rejections } = await setup();
  control.break(new ConnectError("this is server 3, not server 2", Code.FailedPrecondition));
  clock.advance(1000);
  expect([peers.pipes.all.length, rejections]).toEqual([2, []]);
});

test("a welcome of another server than was called is not believed", async () => {
  const { control, receiver } = await setup();
  control.welcome({ from: 3n });
  await settled();
  expect([control.over, control.frames.length]).toEqual(["aborted", 1]);
  expect(receiver.unreached.all).toMatchObject([
    { error: { code: "refused", message: "two:1: this is server 3, not server 2" } },
  ]);
});

test.for([
  ["no welcome", { responses: [encodeStreamResponse(agree(voteRequest()))] }],
  ["two", null],
])("a peer that sends %s is not believed either", async ([, frame]) => {
  const { control, receiver } = await setup();
  if (frame === null) {
    control.welcome();
    control.welcome();
  } else {
    control.say(frame as object);
  }
  await settled();
  expect(control.over).toBe("aborted");
  expect(receiver.messages.all).toEqual([]);
  expect(receiver.unreached.all).toHaveLength(1);
});
