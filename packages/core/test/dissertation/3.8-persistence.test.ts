import { expect, test } from "vitest";
import { Raft } from "@eraft/core";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, installSnapshot, requestVote } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

test("a vote leaves only once it is on disk", () => {
  const server = new Solo();
  server.stalled = true;
  expect(server.receive(requestVote([0, 0], { term: 1 }))).toEqual([]);
  server.resume();
  expect(server.node.disk.hardState).toEqual({ term: 1, votedFor: 1 });
  expect(server.sent()).toMatchObject([{ type: "requestVoteResponse", voteGranted: true }]);
});

test("a success leaves only once the entries are on disk, also when they came during another write", () => {
  const server = new Solo({ term: 1 });
  server.stalled = true;
  expect(server.receive(appendEntries([0, 0], [1], { term: 1, sequence: 1 }))).toEqual([]);
  expect(server.receive(appendEntries([1, 1], [1], { term: 1, sequence: 2 }))).toEqual([]);
  server.node.finishDisk();
  expect(server.sent()).toMatchObject([{ success: true, matchIndex: 1, sequence: 1 }]);
  server.node.finishDisk();
  expect(server.sent()).toMatchObject([{ success: true, matchIndex: 2, sequence: 2 }]);
});

test("what repeats something still being written waits for that write", () => {
  const server = new Solo({ term: 1 });
  server.stalled = true;
  const request = appendEntries([0, 0], [1], { term: 1 });
  expect(server.receive(request, request)).toEqual([]);
  server.resume();
  expect(server.sent()).toHaveLength(2);
});

test("a new term is on disk before anybody is told of it", () => {
  const server = new Solo({ log: [3], term: 3 });
  server.stalled = true;
  // Refused: the log is too old. But the answer carries term 7.
  expect(server.receive(requestVote([0, 0], { term: 7 }))).toEqual([]);
  server.resume();
  expect(server.sent()).toMatchObject([{ voteGranted: false, term: 7 }]);
  expect(server.node.disk.hardState.term).toBe(7);
});

test("a candidate asks for votes only once its own is on disk, and counts it only then", () => {
  const server = new Solo();
  server.stalled = true;
  server.campaign();
  expect(server.sent()).toEqual([]);
  const alone = new Solo({ size: 1 });
  alone.stalled = true;
  alone.tick();
  expect(alone.state.role).toBe("candidate");
  alone.resume();
  expect(alone.state.role).toBe("leader");
});

test("entries that were truncated while they were being written do not count as durable afterwards", () => {
  const server = new Solo({ log: [1], term: 2 });
  server.stalled = true;
  server.receive(appendEntries([1, 1], [2, 2, 2], { term: 2 }));
  // Another leader replaces them before the write is done; its entries have the same indexes.
  server.receive(appendEntries([1, 1], [3, 3, 3], { term: 3, from: 2, sequence: 5 }));
  server.node.finishDisk();
  expect(server.state).toMatchObject({ stableIndex: 1, lastLogIndex: 4 });
  expect(server.sent().filter((message) => message.to === 2)).toEqual([]);
  server.node.finishDisk();
  expect(server.terms).toEqual([1, 3, 3, 3]);
  expect(server.sent()).toMatchObject([{ to: 2, success: true, matchIndex: 4, sequence: 5 }]);
});

test("the vote of a term is remembered across a crash", () => {
  const cluster = new Cluster(3);
  cluster.campaign(0);
  cluster.hold((message) => message.type === "requestVoteResponse");
  cluster.settle();
  cluster.crash(2);
  cluster.restart(2);
  expect(cluster.state(2)).toMatchObject({ role: "follower", term: 1, votedFor: 0 });
  const answers: unknown[] = [];
  cluster.block((message) => {
    if (message.from === 2 && message.to === 1) answers.push(message);
    return false;
  });
  cluster.node(2).receive({ message: requestVote([9, 1], { term: 1, from: 1, to: 2 }), snapshot: null });
  expect(answers).toMatchObject([{ voteGranted: false }]);
});

test("a vote that was not on disk was not given: after the crash another candidate may have it", () => {
  const server = new Solo();
  server.stalled = true;
  server.receive(requestVote([0, 0], { term: 1, from: 1 }));
  server.node.crash();
  server.stalled = false;
  server.node.start();
  expect(server.receive(requestVote([0, 0], { term: 1, from: 2 }))).toMatchObject([
    { voteGranted: true, to: 2 },
  ]);
});

test("everything acknowledged survives a crash of the whole cluster", () => {
  const cluster = new Cluster(3);
  cluster.elect(1);
  const requests = ["a", "b", "c"].map((text) => cluster.propose(1, text));
  cluster.settle();
  for (const request of requests) expect(cluster.outcome(request)).toBe("committed");
  for (const id of cluster.ids) cluster.crash(id);
  for (const id of cluster.ids) cluster.restart(id);
  cluster.elect(2);
  cluster.run(TIMING.heartbeatTicks + 1);
  for (const id of cluster.ids) expect(cluster.applied(id)).toEqual(["a", "b", "c"]);
});

test("a single server acknowledges only what is on its disk", () => {
  const cluster = new Cluster(1);
  cluster.run(1);
  const resume = cluster.stallDisk(0);
  const request = cluster.propose(0, "x");
  cluster.settle();
  expect(cluster.outcome(request)).toBeUndefined();
  resume();
  cluster.settle();
  expect(cluster.outcome(request)).toBe("committed");
});

test("a state machine gets only entries that are on this server's disk", () => {
  const server = new Solo({ term: 1 });
  server.stalled = true;
  server.receive(appendEntries([0, 0], [1, 1], { term: 1, leaderCommit: 2 }));
  expect(server.state.commitIndex).toBe(2);
  expect(server.node.isApplying).toBe(false);
  server.node.finishDisk();
  expect(server.node.isApplying).toBe(true);
});

test("a snapshot that reached the disk before its term did is no contradiction", () => {
  const server = new Solo({ log: [1], term: 1 });
  server.stalled = true;
  server.receive(installSnapshot([5, 4], { term: 4 }));
  // The restore is on disk, the write of term 4 is not; nobody was promised anything in term 4.
  server.node.crash(1);
  expect(server.node.disk.hardState.term).toBe(1);
  expect(server.sent()).toEqual([]);
  server.stalled = false;
  server.node.start();
  server.settle();
  expect(server.state).toMatchObject({ term: 4, votedFor: null, lastLogIndex: 5, lastLogTerm: 4 });
  expect(server.node.disk.hardState).toEqual({ term: 4, votedFor: null });
});

test.each([
  ["a log above the stored term", { hardState: { term: 1, votedFor: null }, entries: [2], applied: 0 }],
  ["a state machine ahead of the log", { hardState: { term: 2, votedFor: null }, entries: [2], applied: 2 }],
  ["a gap in the log", { hardState: { term: 2, votedFor: null }, entries: [2, 0, 2], applied: 0 }],
  ["terms that decrease", { hardState: { term: 2, votedFor: null }, entries: [2, 1], applied: 0 }],
])("%s on disk stops the server before it starts", (_name, { hardState, entries, applied }) => {
  const config = { ...TIMING, id: 0, peers: [0], seed: 1 };
  const stored = entries
    .map((term, at) => ({ index: at + 1, term, command: new Uint8Array(1) }))
    .filter(({ term }) => term > 0);
  const start = () => new Raft(config, { hardState, snapshot: null, entries: stored }, applied);
  expect(start).toThrow(expect.objectContaining({ name: "InvariantError" }));
});

test("a state machine behind the snapshot stops the server before it starts", () => {
  const config = { ...TIMING, id: 0, peers: [0], seed: 1 };
  const snapshot = { lastIncludedIndex: 4, lastIncludedTerm: 1 };
  const start = () => new Raft(config, { hardState: { term: 1, votedFor: null }, snapshot, entries: [] }, 3);
  expect(start).toThrow(/reflects entry 3/);
});
