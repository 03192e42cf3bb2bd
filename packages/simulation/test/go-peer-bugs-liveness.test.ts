import type { AppendEntriesResponse, Message, RequestVote } from "@eraft/core";
import { expect, test } from "vitest";
import { type GoCall, GoDisk, GoNode, GoPanic, type GoPeer } from "../src/go-peer/index.ts";
import { commandOf, Machine } from "./go-peer-cluster/machine.ts";
import { BareCore, entriesOf, goDisk, goLeader, goPeer, logOfGo, serve } from "./go-peer-cluster/pair.ts";

// Each bug twice: that the model has it, and that a server of ours in its place, or across the wire, is not harmed.

const NO_DATA = new Uint8Array(0);
const SUCCESS = { success: true, conflictIndex: 0, conflictTerm: 0 };

function goNode(id: number, size = 3): GoNode {
  const node = new GoNode({ id, size, seed: 1, service: new Machine() });
  node.start(0);
  return node;
}

/** A Go node that leads, by the vote of server 2, and what it has sent since. */
function leadingNode(): GoNode {
  const node = goNode(1);
  node.advanceTo(node.nextEventMs ?? 0);
  for (const { message } of node.drain()) {
    if (message.to !== 2) continue;
    node.receive({ ...reversed(message), type: "requestVoteResponse", voteGranted: true });
  }
  return node;
}

function reversed({ from, to, term, sequence }: Message): {
  from: number;
  to: number;
  term: number;
  sequence: number;
} {
  return { from: to, to: from, term, sequence };
}

function reply(
  peer: GoPeer,
  call: GoCall | undefined,
  conflict: { term: number; conflictIndex: number; conflictTerm: number },
): void {
  if (call === undefined) throw new Error("no call to reply to");
  peer.replied(call, { success: false, ...conflict });
}

function conflictFrom(sent: Message | undefined, conflict: Partial<AppendEntriesResponse>): Message {
  if (sent?.type !== "appendEntries") throw new Error("no AppendEntries to answer");
  const none = { success: false, matchIndex: 0, conflictIndex: 0, conflictTerm: 0 };
  return { type: "appendEntriesResponse", ...reversed(sent), ...none, ...conflict };
}

/** The last AppendEntries to server 1 since the last look. */
function appendTo1(core: BareCore): Message | undefined {
  return core.take().findLast(({ to, type }) => to === 1 && type === "appendEntries");
}

test("L1: a Go node alone never becomes leader", () => {
  const node = goNode(0, 1);
  node.advanceTo(30_000);
  expect(node.inspect()?.role).toBe("Candidate");
});

test("L1, contained: a server of ours alone leads and commits", () => {
  const core = new BareCore({}, { size: 1 });
  core.tick(2);
  core.step({ type: "propose", id: 1, command: commandOf("x") });
  expect(core.raft.inspect()).toMatchObject({ role: "leader", commitIndex: 2 });
});

test("L2: a Go leader does not listen to a Go follower whose snapshot is beyond prevLogIndex, and asks the same for ever", () => {
  const follower = goPeer({ id: 0, term: 1, snapshot: [5, 1], terms: [1] });
  const leader = goLeader({ term: 1, terms: [1, 1, 1, 1, 1, 1] }, { nextIndex: [4, 7, 7] });
  for (let round = 0; round < 20; round += 1) {
    leader.heartbeatTimerFired();
    for (const call of leader.takeCalls()) {
      if (call.rpc !== "appendEntries" || call.to !== 0) continue;
      const answer = follower.appendEntries(call.request);
      expect(answer).toEqual({ term: 0, success: false, conflictIndex: 0, conflictTerm: 0 });
      leader.replied(call, answer);
    }
  }
  expect(leader.inspect().nextIndex[0]).toBe(4);
});

test("L2, contained: our leader takes each such answer as a floor, and sends its snapshot when nothing is left above it", () => {
  const core = new BareCore({ term: 1, terms: [1, 1, 1, 1] });
  core.lead();
  const asked = [];
  for (
    let sent = appendTo1(core);
    sent?.type === "appendEntries" && asked.length < 10;
    sent = appendTo1(core)
  ) {
    asked.push(sent.prevLogIndex);
    core.step({ type: "receive", message: conflictFrom(sent, { term: 0 }) });
  }
  expect(asked.length).toBeLessThan(5);
  expect(core.snapshotsTo).toEqual([1]);
});

test("L3: a Go leader calls a dead peer again and again without a pause", () => {
  const leader = goLeader({ id: 0, term: 1 });
  leader.propose(commandOf("x"));
  const [first] = leader.takeCalls();
  let call = first;
  for (let times = 0; times < 1000 && call !== undefined; times += 1) {
    leader.failed(call);
    [call] = leader.takeCalls();
  }
  expect(call).toMatchObject({ rpc: "appendEntries", caller: "replicator" });
});

test("L3, contained: our leader sends to a dead peer no faster than it heartbeats", () => {
  const core = new BareCore();
  core.lead();
  core.take();
  for (let times = 0; times < 1000; times += 1) core.step({ type: "unreachable", peer: 1 });
  expect(core.take().filter(({ to }) => to === 1)).toEqual([]);
});

test("L4, L20: a Go node writes its whole log for each vote that it refuses", () => {
  const terms = Array.from({ length: 1000 }, () => 5);
  const disk = goDisk({ term: 5, terms });
  const peer = goPeer({}, disk);
  const before = disk.entriesWritten;
  for (let times = 0; times < 10; times += 1) {
    peer.requestVote({ term: 1, candidateId: 0, lastLogIndex: 0, lastLogTerm: 0 });
  }
  expect(disk.entriesWritten - before).toBe(10_000);
});

test("L4, L20, contained: a vote that our server refuses costs no write", () => {
  const core = new BareCore({ term: 5, terms: [5] });
  const request = {
    type: "requestVote",
    from: 1,
    to: 0,
    term: 1,
    sequence: 1,
    lastLogIndex: 0,
    lastLogTerm: 0,
  } as const;
  for (let times = 0; times < 10; times += 1)
    expect(core.receive(request)).toMatchObject([{ voteGranted: false }]);
  expect(core.writes).toBe(0);
});

const MEBIBYTE = 1 << 20;

test("L5: a Go follower that is more than 4 MiB behind a Go leader gets nothing", () => {
  const node = leadingNode();
  for (let times = 0; times < 5; times += 1) node.propose(new Uint8Array(MEBIBYTE));
  node.drain();
  node.advanceTo((node.nextEventMs ?? 0) + 200);
  const follower = goNode(0);
  const calls = node.drain().filter(({ message }) => message.to === 0);
  expect(calls.length).toBeGreaterThan(0);
  for (const { message, snapshot } of calls) follower.receive(message, snapshot);
  expect(follower.drain()).toEqual([]);
});

test("L5, contained: our leader sends a Go follower no more than it accepts at a time", () => {
  const core = new BareCore({}, { noop: commandOf("noop") });
  core.lead();
  for (let id = 1; id <= 5; id += 1) core.step({ type: "propose", id, command: new Uint8Array(MEBIBYTE) });
  const follower = goNode(1);
  for (let at = 0; at < 20; at += 1) {
    for (const message of core.take()) follower.receive(message);
    for (const { message } of follower.drain()) core.step({ type: "receive", message });
    core.tick();
  }
  expect(follower.inspect()?.log).toHaveLength(7);
});

test.for([
  [99, 1],
  [100, 0],
] as const)("L6: an answer after %i ms brings a Go leader's commit index to %i", ([afterMs, commitIndex]) => {
  const node = leadingNode();
  node.drain();
  const startMs = (node.nextEventMs ?? 0) - 100;
  node.advanceTo(startMs);
  node.propose(commandOf("x"));
  const call = node.drain().find(({ message }) => message.to === 2 && message.type === "appendEntries");
  if (call?.message.type !== "appendEntries") throw new Error("nothing was sent");
  node.advanceTo(startMs + afterMs);
  node.receive({ ...reversed(call.message), type: "appendEntriesResponse", matchIndex: 1, ...SUCCESS });
  expect(node.inspect()?.commitIndex).toBe(commitIndex);
});

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

test("L11: a Go leader that nobody hears takes commands for ever", () => {
  const node = leadingNode();
  for (let nowMs = 5000; nowMs < 65_000; nowMs += 1000) {
    node.advanceTo(nowMs);
    node.drain();
    expect(node.propose(commandOf("x"))).toBe(true);
  }
  expect(node.inspect()).toMatchObject({ role: "Leader", commitIndex: 0 });
});

test("L11, contained: a leader of ours that nobody hears gives up", () => {
  const core = new BareCore();
  core.lead();
  core.tick(10);
  expect(core.raft.inspect().role).not.toBe("leader");
});

test("L11: a Go node that was cut off comes back with a term that deposes the leader", () => {
  const node = goNode(1);
  node.advanceTo(20_000);
  const request = node.drain().findLast(({ message }) => message.type === "requestVote")?.message;
  const leader = goLeader({ id: 0, term: 1 });
  const { term, lastLogIndex, lastLogTerm } = request as RequestVote;
  expect(term).toBeGreaterThan(9);
  leader.requestVote({ term, candidateId: 1, lastLogIndex, lastLogTerm });
  expect(leader.inspect()).toMatchObject({ role: "Follower", term });
});

test("L12: a Go node that has just won stands for election again if its timer had fired", () => {
  const leader = goLeader({ term: 3 });
  leader.electionTimerFired();
  expect(leader.inspect()).toMatchObject({ role: "Candidate", term: 4 });
});

test("L12, contained: no tick makes a leader of ours a candidate of a new term", () => {
  const core = new BareCore();
  core.lead();
  const { term } = core.raft.inspect();
  for (let at = 0; at < 100; at += 1) {
    core.tick();
    core.step({
      type: "receive",
      message: conflictFrom(appendTo1(core) ?? heartbeat(term), { ...SUCCESS, term }),
    });
  }
  expect(core.raft.inspect()).toMatchObject({ role: "leader", term });
});

function heartbeat(term: number): Message {
  const request = {
    from: 0,
    to: 1,
    term,
    sequence: 1,
    prevLogIndex: 0,
    prevLogTerm: 0,
    leaderCommit: 0,
    entries: [],
  };
  return { type: "appendEntries", ...request };
}

const LAST_TERM = 2 ** 63;

test("L14: one message with the last term there is leaves a Go node with none to follow it", () => {
  const peer = goPeer();
  peer.requestVote({ term: LAST_TERM, candidateId: 0, lastLogIndex: 0, lastLogTerm: 0 });
  expect(peer.inspect().term).toBe(LAST_TERM);
  peer.electionTimerFired();
  expect(peer.inspect().term).toBe(-LAST_TERM);
});

test.for([LAST_TERM, Number.MAX_SAFE_INTEGER])("L14, contained: our server refuses term %i", (term) => {
  const core = new BareCore();
  const [answer] = core.receive({
    type: "requestVote",
    from: 1,
    to: 0,
    term,
    sequence: 1,
    lastLogIndex: 0,
    lastLogTerm: 0,
  });
  expect(answer).toMatchObject({ type: "refusal" });
  expect(core.raft.inspect().term).toBe(0);
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
