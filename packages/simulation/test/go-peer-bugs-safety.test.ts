import type { AppendEntries, Message } from "@eraft/core";
import { InvariantError } from "@eraft/core";
import { expect, test } from "vitest";
import { GoDisk, GoNode, GoPanic, type GoPeer, NOBODY } from "../src/go-peer/index.ts";
import { commandOf, Machine, textOf } from "./go-peer-cluster/machine.ts";
import {
  BareCore,
  entriesOf,
  goDisk,
  goLeader,
  goPeer,
  logOfGo,
  type Terms,
  written,
} from "./go-peer-cluster/pair.ts";

// Each bug twice: that the model has it, and that a server of ours in its place, or across the wire, is not harmed.

const NO_DATA = new Uint8Array(0);

function append(
  term: number,
  prev: readonly [number, number],
  terms: Terms,
  leaderCommit = 0,
): AppendEntries {
  const [prevLogIndex, prevLogTerm] = prev;
  const entries = entriesOf(terms, prevLogIndex + 1);
  return {
    type: "appendEntries",
    from: 1,
    to: 0,
    term,
    sequence: 1,
    prevLogIndex,
    prevLogTerm,
    leaderCommit,
    entries,
  };
}

/** The same request as a Go node takes it. */
function give(
  peer: GoPeer,
  { term, from: leaderId, ...rest }: AppendEntries,
): ReturnType<GoPeer["appendEntries"]> {
  const { prevLogIndex, prevLogTerm, leaderCommit, entries } = rest;
  return peer.appendEntries({ term, leaderId, prevLogIndex, prevLogTerm, leaderCommit, entries });
}

function goFollower(term: number, terms: Terms): GoNode {
  const node = new GoNode({ id: 1, size: 3, seed: 1, service: new Machine() });
  node.disk.saveState(goDisk({ term, terms }).readState() ?? { term, votedFor: NOBODY, log: [] });
  node.start(0);
  return node;
}

/** Passes messages between our leader and Go follower 1 for a while. */
function converse(core: BareCore, node: GoNode, ticks: number): void {
  for (let at = 0; at < ticks; at += 1) {
    for (const message of core.take()) node.receive(message);
    for (const { message } of node.drain()) core.step({ type: "receive", message });
    core.tick();
  }
}

test("S1: a Go node killed while writing its state comes back new, and votes twice in one term", () => {
  const disk = goDisk({ term: 4, terms: [4, 4] });
  const vote = { term: 5, lastLogIndex: 2, lastLogTerm: 4 };
  expect(goPeer({}, disk).requestVote({ ...vote, candidateId: 0 })).toEqual({ term: 5, voteGranted: true });
  disk.crash("emptied");
  const reborn = goPeer({}, disk);
  expect(reborn.inspect()).toMatchObject({ term: 0, votedFor: NOBODY });
  expect(logOfGo(reborn.inspect())).toBe("");
  expect(reborn.requestVote({ ...vote, candidateId: 2 })).toEqual({ term: 5, voteGranted: true });
});

test("S1, contained: our leader notices that a follower forgot what it had confirmed, says so, and sends it again", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] }, { noop: commandOf("noop") });
  const node = goFollower(1, [1, 1]);
  core.lead();
  converse(core, node, 6);
  expect(core.raft.inspect().commitIndex).toBe(3);
  node.crash("emptied");
  node.start(0);
  converse(core, node, 12);
  expect(core.alerts).toContainEqual({ type: "followerLostLog", peer: 1, confirmed: 3, remaining: 0 });
  expect(logOfGo(node.inspect() ?? goPeer().inspect())).toBe("1:1 2:1 3:2");
  expect(core.raft.inspect()).toMatchObject({ role: "leader", commitIndex: 3 });
});

test("S1, contained: our follower stops rather than replace a committed entry for a leader that forgot it", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] });
  core.receive(append(1, [2, 1], [], 2));
  expect(() => core.receive(append(2, [1, 1], [2]))).toThrow(InvariantError);
  expect(written(core.applied)).toBe("1:1 2:1");
});

test("S1, contained: of two leaders that a double vote brought about, our follower refuses the second", () => {
  const core = new BareCore();
  core.receive(append(5, [0, 0], [5]));
  const [answer] = core.receive({ ...append(5, [0, 0], [5, 5]), from: 2 });
  expect(answer).toMatchObject({ type: "refusal", to: 2, reason: "twoLeaders" });
  expect(core.raft.inspect()).toMatchObject({ lastLogIndex: 1, leaderId: 1 });
});

test("S2: a Go node killed between its two files sends the old snapshot under the new one's label", () => {
  const disk = goDisk({ term: 1, terms: [1, 1, 1] });
  const peer = goPeer({ volatile: { role: "Follower", commitIndex: 3 } }, disk);
  peer.snapshot(1, commandOf("state at 1"));
  peer.snapshot(3, commandOf("state at 3"));
  disk.crash("betweenFiles");
  const leader = goPeer({ volatile: { role: "Leader", commitIndex: 3, nextIndex: [1, 4, 1] } }, disk);
  leader.heartbeatTimerFired();
  const [call] = leader.takeCalls();
  expect(call).toMatchObject({ rpc: "installSnapshot", request: { lastIncludedIndex: 3 } });
  expect(call?.rpc === "installSnapshot" && textOf(call.request.data)).toBe("state at 1");
});

test("S3: a torn state file kills the Go node at every start", () => {
  const disk = goDisk({ term: 3, terms: [1] });
  disk.crash("torn");
  expect(() => goPeer({}, disk)).toThrow(GoPanic);
  expect(() => goPeer({}, disk)).toThrow(GoPanic);
});

test("S3: a flipped bit in the state file takes the term back, and with it the vote", () => {
  const disk = goDisk({ term: 7, votedFor: 0 });
  disk.flipTermBit(0);
  const peer = goPeer({}, disk);
  expect(peer.inspect().term).toBe(6);
  const vote = { term: 7, candidateId: 2, lastLogIndex: 0, lastLogTerm: 0 };
  expect(peer.requestVote(vote).voteGranted).toBe(true);
});

test("S4: a Go follower commits up to its own last entry, also what no message has verified", () => {
  const peer = goPeer({ term: 1, terms: [1, 1, 1] });
  give(peer, append(2, [1, 1], [], 3));
  expect(peer.inspect().commitIndex).toBe(3);
  expect(peer.takeCommitted()).toHaveLength(3);
});

test("S4, contained: no message of our leader lets a Go follower commit what it has not compared", () => {
  // Servers 0 and 2 have committed 2:2; the Go node still has what a leader of term 1 left there.
  const core = new BareCore({ term: 2, terms: [1, 2, 2] }, { applied: 3 });
  const node = goFollower(1, [1, 1, 1]);
  core.lead();
  for (const message of core.take()) {
    if (message.type !== "appendEntries") continue;
    expect(message.leaderCommit).toBeLessThanOrEqual(message.prevLogIndex + message.entries.length);
    node.receive(message);
    expect(node.inspect()?.commitIndex).toBe(0);
  }
});

test("S4, contained: our follower commits only what the message verified", () => {
  const core = new BareCore({ term: 1, terms: [1, 1, 1] });
  core.receive(append(2, [1, 1], [], 3));
  expect(written(core.applied)).toBe("1:1");
});

test("S5: a Go node keeps stale entries behind a snapshot, and terms decrease along its log", () => {
  const peer = goPeer({ term: 3, terms: [1, 2, 2, 2, 2] });
  expect(peer.condInstallSnapshot(3, 3, NO_DATA)).toBe(true);
  expect(written(peer.inspect().log)).toBe("3:3 4:2 5:2");
});

test("S5, contained: our follower drops the log that a snapshot contradicts", () => {
  const core = new BareCore({ term: 3, terms: [1, 2, 2, 2, 2] });
  const position = { lastIncludedIndex: 3, lastIncludedTerm: 3 };
  core.receive({ type: "installSnapshot", from: 1, to: 0, term: 3, sequence: 1, ...position });
  expect(core.raft.inspect()).toMatchObject({ lastLogIndex: 3, lastLogTerm: 3, commitIndex: 3 });
});

test.for([
  [2, 1],
  [4, 2],
] as const)("S6: a Go leader of %i servers commits with %i copies", ([size, copies]) => {
  const leader = goLeader({ id: 0, size, term: 1 });
  leader.propose(commandOf("x"));
  const calls = leader.takeCalls().slice(0, copies - 1);
  for (const call of calls)
    leader.replied(call, { term: 1, success: true, conflictIndex: 0, conflictTerm: 0 });
  // With one copy it takes an answer to anything, such as a heartbeat from before the entry, to look.
  if (calls.length === 0) {
    const request = { term: 1, leaderId: 0, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0, entries: [] };
    const call = { rpc: "appendEntries", to: 1, caller: "heartbeat", request } as const;
    leader.replied(call, { term: 1, success: true, conflictIndex: 0, conflictTerm: 0 });
  }
  expect(leader.inspect().commitIndex).toBe(1);
});

test("S6, contained: our leader of 4 servers does not commit with 2 copies, but with 3", () => {
  const core = new BareCore({}, { size: 4 });
  while (core.raft.inspect().role === "follower") core.tick();
  const term = 1;
  for (const from of [2, 3]) {
    core.step({
      type: "receive",
      message: { type: "requestVoteResponse", from, to: 0, term, sequence: 1, voteGranted: true },
    });
  }
  for (const [from, commitIndex] of [
    [1, 0],
    [2, 1],
  ] as const) {
    const sent = core.take().findLast(({ to, type }) => to === from && type === "appendEntries");
    core.step({ type: "receive", message: accepted(from, term, 1, sent?.sequence ?? 2 + from) });
    expect(core.raft.inspect().commitIndex).toBe(commitIndex);
  }
});

function accepted(from: number, term: number, matchIndex: number, sequence: number): Message {
  const none = { conflictIndex: 0, conflictTerm: 0 };
  return { type: "appendEntriesResponse", from, to: 0, term, sequence, success: true, matchIndex, ...none };
}

test("S7: a Go node's vote for candidate -1 does not count as given, so it votes twice in one term", () => {
  const peer = goPeer();
  const vote = { term: 5, lastLogIndex: 0, lastLogTerm: 0 };
  expect(peer.requestVote({ ...vote, candidateId: -1 }).voteGranted).toBe(true);
  expect(peer.requestVote({ ...vote, candidateId: 2 }).voteGranted).toBe(true);
});

test("S7, contained: our server does not hear candidate -1 at all", () => {
  const core = new BareCore();
  const position = { lastLogIndex: 0, lastLogTerm: 0 };
  expect(core.receive({ type: "requestVote", from: -1, to: 0, term: 5, sequence: 1, ...position })).toEqual(
    [],
  );
  expect(core.raft.inspect()).toMatchObject({ term: 0, votedFor: null });
});

/** Follows entry 2, but brings entry 1. */
const wrongIndex = { ...append(2, [2, 1], []), entries: entriesOf([2]) };
/** Follows entry 1, but brings entry 4. */
const gap = { ...append(10, [1, 10], []), entries: entriesOf([10], 4) };

test("S8: a Go follower drops committed entries for one with a wrong index", () => {
  const peer = goPeer({ term: 1, terms: [1, 1], volatile: { role: "Follower", commitIndex: 2 } });
  expect(give(peer, wrongIndex).success).toBe(true);
  expect(logOfGo(peer.inspect())).toBe("1:2");
});

test("S8: a gap between the entries brings back what a Go follower had dropped", () => {
  const peer = goPeer();
  give(peer, append(9, [0, 0], [9, 9, 9]));
  give(peer, append(10, [0, 0], [10]));
  expect(logOfGo(peer.inspect())).toBe("1:10");
  expect(give(peer, gap).success).toBe(true);
  expect(logOfGo(peer.inspect())).toBe("1:10 2:9 3:9 4:10");
});

test("S8, contained: our follower refuses entries that do not follow each other", () => {
  for (const message of [wrongIndex, gap]) {
    const core = new BareCore({ term: 1, terms: [1, 1] }, { applied: 2 });
    expect(core.receive(message)).toMatchObject([{ type: "refusal", reason: "malformed" }]);
    expect(core.raft.inspect()).toMatchObject({ lastLogIndex: 2, term: 1 });
  }
});

test("S9: a Go leader counts a success, and a Go candidate a vote, of any term", () => {
  const leader = goLeader({ id: 0, term: 1 });
  leader.propose(commandOf("x"));
  const [call] = leader.takeCalls();
  if (call !== undefined)
    leader.replied(call, { term: 99, success: true, conflictIndex: 0, conflictTerm: 0 });
  expect(leader.inspect()).toMatchObject({ role: "Leader", term: 1, commitIndex: 1 });

  const candidate = goPeer({ id: 0 });
  candidate.electionTimerFired();
  const [request] = candidate.takeCalls();
  if (request !== undefined) candidate.replied(request, { term: 99, voteGranted: true });
  expect(candidate.inspect()).toMatchObject({ role: "Leader", term: 1 });
});

test("S9, contained: our leader steps down at a success of a higher term and commits nothing by one of a lower", () => {
  for (const [term, role, commitIndex] of [
    [99, "follower", 0],
    [1, "leader", 0],
    [2, "leader", 1],
  ] as const) {
    const core = new BareCore({ term: 1 });
    core.lead();
    const sent = core.take().findLast(({ to }) => to === 1);
    core.step({ type: "receive", message: accepted(1, term, 1, sent?.sequence ?? 0) });
    expect(core.raft.inspect()).toMatchObject({ role, commitIndex });
  }
});

test("S10: a restarted Go node applies an acknowledged command again", () => {
  const state: string[] = [];
  const service = {
    apply: (command: Uint8Array) => state.push(textOf(command)),
    restore: () => state.splice(0),
  };
  const node = new GoNode({ id: 0, size: 3, seed: 1, service });
  node.start(0);
  const request = {
    ...append(1, [0, 0], []),
    leaderCommit: 1,
    entries: [{ index: 1, term: 1, command: commandOf("x") }],
  };
  node.receive(request);
  expect(state).toEqual(["x"]);
  node.crash();
  node.start(0);
  node.receive(request);
  expect(state).toEqual(["x", "x"]);
});

test("S10, contained: our server does not hand out again what its state machine reflects", () => {
  const core = new BareCore({ term: 1, terms: [1, 1] }, { applied: 1 });
  core.receive(append(1, [2, 1], [], 2));
  expect(written(core.applied)).toBe("2:1");
});

test("a disk with no fault keeps everything", () => {
  const disk = new GoDisk();
  const peer = goPeer({}, disk);
  give(peer, append(3, [0, 0], [3]));
  disk.crash("none");
  expect(logOfGo(goPeer({}, disk).inspect())).toBe("1:3");
  expect(goPeer({}, disk).inspect().term).toBe(3);
});
