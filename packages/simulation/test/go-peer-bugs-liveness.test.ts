import { expect, test } from "vitest";
import type { Message, RequestVote } from "@eraft/core";
import {
  appendTo1,
  conflictFrom,
  goNode,
  leadingNode,
  reversed,
  SUCCESS,
} from "./go-peer-cluster/conversation.ts";
import { commandOf } from "./go-peer-cluster/machine.ts";
import { BareCore, goDisk, goLeader, goPeer } from "./go-peer-cluster/pair.ts";

// Each bug twice: that the model has it, and that a server of ours in its place, or across the wire, is not harmed.

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
