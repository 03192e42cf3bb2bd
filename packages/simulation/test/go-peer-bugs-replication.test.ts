import { expect, test } from "vitest";
import { type GoCall, GoDisk, GoPanic, type GoPeer } from "../src/go-peer/index.ts";
import {
  appendTo1,
  conflictFrom,
  goNode,
  leadingNode,
  reversed,
  SUCCESS,
} from "./go-peer-cluster/conversation.ts";
import { commandOf } from "./go-peer-cluster/machine.ts";
import { BareCore, entriesOf, goDisk, goLeader, goPeer, logOfGo, serve } from "./go-peer-cluster/pair.ts";

// Each bug twice: that the model has it, and that a server of ours in its place, or across the wire, is not harmed.

const NO_DATA = new Uint8Array(0);

function reply(
  peer: GoPeer,
  call: GoCall | undefined,
  conflict: { term: number; conflictIndex: number; conflictTerm: number },
): void {
  if (call === undefined) throw new Error("no call to reply to");
  peer.replied(call, { success: false, ...conflict });
}

test("L7: a Go follower answers before it installs, and parks a copy of the data for each call", () => {
  const peer = goPeer({ term: 1 });
  const request = {
    term: 1,
    leaderId: 0,
    lastIncludedIndex: 9,
    lastIncludedTerm: 1,
    data: commandOf("state"),
  };
  for (let times = 0; times < 200; times += 1) expect(peer.installSnapshot(request)).toEqual({ term: 1 });
  expect(peer.inspect().log).toHaveLength(1);
  expect(peer.takeSnapshots()).toHaveLength(200);
});

test("L7, contained: our follower takes one snapshot at a time, and our leader does not count an answer as an install", () => {
  const follower = new BareCore();
  const position = { lastIncludedIndex: 9, lastIncludedTerm: 1 };
  const header = { type: "installSnapshot", from: 1, to: 0, term: 1, sequence: 1, ...position } as const;
  expect(follower.raft.wantsSnapshot(header)).toBe(true);
  follower.raft.step({ type: "receive", message: header });
  expect(follower.raft.wantsSnapshot({ ...header, lastIncludedIndex: 10 })).toBe(false);

  const leader = new BareCore({ term: 1, terms: [1] });
  leader.lead();
  leader.step({
    type: "receive",
    message: { type: "installSnapshotResponse", from: 1, to: 0, term: 1, sequence: 1 },
  });
  expect(leader.raft.inspect().peers.get(1)?.matchIndex).toBe(0);
});

test("L8: a Go follower's conflict index can be 0, and sends a Go leader to an empty snapshot at 0", () => {
  const follower = goPeer({ id: 0, term: 1, terms: [1, 1] });
  const leader = goLeader({ term: 2, terms: [2, 2] });
  leader.heartbeatTimerFired();
  const [call] = leader.takeCalls();
  if (call?.rpc !== "appendEntries") throw new Error("nothing was sent");
  const answer = follower.appendEntries(call.request);
  expect(answer).toEqual({ term: 2, success: false, conflictIndex: 0, conflictTerm: 1 });
  leader.replied(call, answer);
  leader.heartbeatTimerFired();
  const request = { term: 2, leaderId: 1, lastIncludedIndex: 0, lastIncludedTerm: 0, data: NO_DATA };
  expect(leader.takeCalls()[0]).toMatchObject({ rpc: "installSnapshot", request });
});

test("L8: for an entry before the first one a Go follower's conflict index is -1", () => {
  const peer = goPeer({ term: 1 });
  const request = { term: 1, leaderId: 0, prevLogIndex: 0, prevLogTerm: 7, leaderCommit: 0, entries: [] };
  expect(peer.appendEntries(request)).toMatchObject({ conflictIndex: -1, conflictTerm: 0 });
});

test("L8, contained: our follower takes the empty snapshot at 0 for nothing", () => {
  const core = new BareCore({ term: 1, terms: [1] });
  const position = { lastIncludedIndex: 0, lastIncludedTerm: 0 };
  const answers = core.receive({
    type: "installSnapshot",
    from: 1,
    to: 0,
    term: 1,
    sequence: 1,
    ...position,
  });
  expect(answers).toMatchObject([{ type: "installSnapshotResponse", term: 1 }]);
  expect(core.raft.inspect().lastLogIndex).toBe(1);
});

test.for([0, -1, 1_000_000])(
  "L8, contained: our leader stays within its log when told to go on at %i",
  (conflictIndex) => {
    const core = new BareCore({ term: 1, terms: [1, 1, 1] });
    core.lead();
    const sent = appendTo1(core);
    core.step({ type: "receive", message: conflictFrom(sent, { conflictIndex, conflictTerm: -1 }) });
    const { nextIndex = 0 } = core.raft.inspect().peers.get(1) ?? {};
    expect(nextIndex).toBeGreaterThanOrEqual(1);
    expect(nextIndex).toBeLessThanOrEqual(5);
  },
);

test("L8, contained: our follower says that its log is too short with -1, so that a Go leader goes on right behind it", () => {
  const core = new BareCore({ term: 1, terms: [1] });
  const leader = goLeader({ term: 2, terms: [1, 1, 1, 1] });
  leader.heartbeatTimerFired();
  serve(leader, 1, core);
  expect(leader.inspect().nextIndex[0]).toBe(2);
});

test("L9: a late reply takes a Go leader's match index back", () => {
  const leader = goLeader({ id: 0, term: 1, terms: [1, 1, 1, 1] }, { nextIndex: [5, 1, 5] });
  const request = { term: 1, leaderId: 0, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0 };
  const matches = [4, 1].map((count) => {
    const entries = entriesOf(Array.from({ length: count }, () => 1));
    leader.replied(
      { rpc: "appendEntries", to: 1, caller: "heartbeat", request: { ...request, entries } },
      { term: 1, ...SUCCESS },
    );
    return leader.inspect().matchIndex[1];
  });
  expect(matches).toEqual([4, 1]);
});

test("L9, contained: a late reply leaves our leader's match index where it is", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] });
  core.lead();
  const sent = appendTo1(core);
  for (const matchIndex of [3, 1]) {
    core.step({ type: "receive", message: conflictFrom(sent, { ...SUCCESS, matchIndex }) });
    expect(core.raft.inspect().peers.get(1)?.matchIndex).toBe(3);
  }
});

test("L10: a new Go leader commits nothing of earlier terms, though every server has it, until a client comes", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] });
  const leader = goLeader({ term: 2, terms: [1, 1] });
  for (let round = 0; round < 20; round += 1) {
    leader.heartbeatTimerFired();
    serve(leader, 1, core);
  }
  expect(leader.inspect().commitIndex).toBe(0);
  leader.propose(commandOf("x"));
  serve(leader, 1, core);
  expect(leader.inspect().commitIndex).toBe(3);
});

test("L10, contained: a new leader of ours commits them at once, with a no-op", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] });
  core.lead();
  core.step({ type: "receive", message: conflictFrom(appendTo1(core), { ...SUCCESS, matchIndex: 3 }) });
  expect(core.raft.inspect().commitIndex).toBe(3);
});

test.for([
  ["an entry below its snapshot", { prevLogIndex: 5, prevLogTerm: 1, entries: entriesOf([2], 3) }],
  ["a gap beyond its memory", { prevLogIndex: 5, prevLogTerm: 1, entries: entriesOf([2], 50) }],
] as const)("L15: %s kills a Go follower, which has by then stored the new term", ([, part]) => {
  const disk = goDisk({ term: 1, snapshot: [5, 1] });
  const peer = goPeer({}, disk);
  const request = { term: 2, leaderId: 0, leaderCommit: 0, ...part };
  expect(() => peer.appendEntries(request)).toThrow(GoPanic);
  expect(() => peer.heartbeatTimerFired()).toThrow(GoPanic);
  expect(goPeer({}, disk).inspect()).toMatchObject({ term: 2, role: "Follower" });
});

test("L15: a conflict index above its last entry and one kills a Go leader", () => {
  const leader = goLeader({ id: 0, term: 1, terms: [1] });
  leader.heartbeatTimerFired();
  reply(leader, leader.takeCalls()[0], { term: 1, conflictIndex: 3, conflictTerm: -1 });
  expect(() => leader.heartbeatTimerFired()).toThrow(GoPanic);
});

test("L16: a command that a Go node cannot read kills it, and again after every restart", () => {
  const node = goNode(1);
  const poison = { index: 1, term: 1, command: new Uint8Array(0) };
  const position = { prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 1, entries: [poison] };
  for (let times = 0; times < 3; times += 1) {
    node.receive({ type: "appendEntries", from: 0, to: 1, term: 1, sequence: 1, ...position });
    expect(node.panic).toBeInstanceOf(GoPanic);
    expect(node.isRunning).toBe(false);
    node.start(0);
  }
});

test("L16, contained: with a no-op that Go nodes can read, a term opened by one of ours leaves them alive", () => {
  for (const [noop, isRunning] of [
    [NO_DATA, false],
    [commandOf("noop"), true],
  ] as const) {
    const core = new BareCore({}, { noop });
    const node = goNode(1);
    core.lead();
    for (let at = 0; at < 6; at += 1) {
      for (const message of core.take()) node.receive(message);
      for (const { message } of node.drain()) core.step({ type: "receive", message });
      core.tick();
    }
    expect(node.isRunning).toBe(isRunning);
  }
});

test("a Go node takes a call's answer once, and none of an earlier process", () => {
  const node = leadingNode();
  node.drain();
  node.propose(commandOf("x"));
  const calls = node.drain();
  node.crash();
  node.start(0);
  const before = node.inspect();
  for (const { message } of calls) {
    node.receive({ ...reversed(message), type: "appendEntriesResponse", matchIndex: 1, ...SUCCESS });
  }
  expect(node.inspect()).toEqual(before);
  expect(logOfGo(before ?? goPeer({}, new GoDisk()).inspect())).toBe("1:1");
});
