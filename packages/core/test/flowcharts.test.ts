import { expect, test } from "vitest";
import { TIMING } from "./harness/cluster.ts";
import { appendEntries, installSnapshot, requestVote, snapshotAnswer } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// The flow charts of the contract, branch by branch. A test is named after the path it takes.

// --- RequestVote

test("RequestVote: request term < current term -> current term, not granted", () => {
  const server = new Solo({ log: [1], term: 5 });
  const answers = server.receive(requestVote([9, 4], { term: 4 }));
  expect(answers).toMatchObject([{ type: "requestVoteResponse", term: 5, voteGranted: false }]);
  expect(server.state).toMatchObject({ term: 5, votedFor: null });
});

test("RequestVote: request term > current term -> follower without a vote -> log not fresh -> not granted", () => {
  const server = new Solo({ log: [1, 3], term: 3, votedFor: 2 });
  server.campaign();
  const answers = server.receive(requestVote([9, 2], { term: 8 }));
  expect(answers.at(-1)).toMatchObject({ term: 8, voteGranted: false });
  expect(server.state).toMatchObject({ role: "follower", term: 8, votedFor: null });
});

test("RequestVote: request term > current term -> follower without a vote -> log fresh -> vote recorded, granted", () => {
  const server = new Solo({ log: [1, 3], term: 3, votedFor: 2 });
  server.campaign();
  const answers = server.receive(requestVote([2, 3], { term: 8 }));
  expect(answers.at(-1)).toMatchObject({ term: 8, voteGranted: true });
  expect(server.state).toMatchObject({ role: "follower", term: 8, votedFor: 1 });
  expect(server.node.disk.hardState).toEqual({ term: 8, votedFor: 1 });
});

test("RequestVote: same term -> log not fresh -> not granted", () => {
  const server = new Solo({ log: [1, 3], term: 4 });
  expect(server.receive(requestVote([1, 3], { term: 4 }))).toMatchObject([{ term: 4, voteGranted: false }]);
  expect(server.state.votedFor).toBeNull();
});

test("RequestVote: same term -> log fresh -> vote recorded, timer restarted, granted", () => {
  const server = new Solo({ log: [1, 3], term: 4 });
  server.tick(TIMING.electionTimeoutTicksMin - 1);
  expect(server.receive(requestVote([2, 3], { term: 4 }))).toMatchObject([{ term: 4, voteGranted: true }]);
  expect(server.node.disk.hardState).toEqual({ term: 4, votedFor: 1 });
  server.tick(TIMING.electionTimeoutTicksMin - 1);
  expect(server.state.role).toBe("follower");
});

test("RequestVote: same term, vote given to another -> not granted; to the same one -> granted again", () => {
  const server = new Solo({ term: 4, votedFor: 2 });
  expect(server.receive(requestVote([0, 0], { term: 4, from: 1 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(requestVote([0, 0], { term: 4, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

// --- AppendEntries

test("AppendEntries: request term < current term -> current term, no success", () => {
  const server = new Solo({ log: [1], term: 5 });
  const answers = server.receive(appendEntries([1, 1], [4], { term: 4 }));
  expect(answers).toMatchObject([{ term: 5, success: false, conflictIndex: 0, conflictTerm: 0 }]);
  expect(server.terms).toEqual([1]);
});

test("AppendEntries: request term > current term -> follower without a vote -> match -> success", () => {
  const server = new Solo({ log: [1], term: 2, votedFor: 2 });
  server.campaign();
  const answers = server.receive(appendEntries([1, 1], [6], { term: 6 }));
  expect(answers.at(-1)).toMatchObject({ term: 6, success: true, matchIndex: 2 });
  expect(server.state).toMatchObject({ role: "follower", term: 6, votedFor: null, leaderId: 1 });
});

test("AppendEntries: request term > current term -> follower without a vote -> no match -> conflict", () => {
  const server = new Solo({ log: [1, 2], term: 2 });
  const answers = server.receive(appendEntries([2, 5], [6], { term: 6 }));
  expect(answers).toMatchObject([{ term: 6, success: false, conflictIndex: 2, conflictTerm: 2 }]);
});

test("AppendEntries: same term -> no match, log too short -> its end and conflict term -1", () => {
  const server = new Solo({ log: [1] });
  const answers = server.receive(appendEntries([5, 1], [1], { term: 1 }));
  expect(answers).toMatchObject([{ term: 1, success: false, conflictIndex: 2, conflictTerm: -1 }]);
});

test("AppendEntries: same term -> no match, another term there -> that term and its first index", () => {
  const server = new Solo({ log: [1, 2, 2, 2], term: 3 });
  const answers = server.receive(appendEntries([4, 3], [3], { term: 3 }));
  expect(answers).toMatchObject([{ term: 3, success: false, conflictIndex: 2, conflictTerm: 2 }]);
  expect(server.terms).toEqual([1, 2, 2, 2]);
});

test("AppendEntries: match -> conflicting entries overwritten -> commit moves on -> success", () => {
  const server = new Solo({ log: [1, 2, 2], term: 3 });
  const answers = server.receive(appendEntries([1, 1], [3, 3], { term: 3, leaderCommit: 2 }));
  expect(answers).toMatchObject([{ term: 3, success: true, matchIndex: 3 }]);
  expect(server.terms).toEqual([1, 3, 3]);
  expect(server.state.commitIndex).toBe(2);
});

test("AppendEntries: match, a heartbeat -> nothing overwritten -> success", () => {
  const server = new Solo({ log: [1, 1], term: 1 });
  expect(server.receive(appendEntries([1, 1], [], { term: 1 }))).toMatchObject([
    { success: true, matchIndex: 1 },
  ]);
  expect(server.terms).toEqual([1, 1]);
});

// --- InstallSnapshot

test("InstallSnapshot: request term < current term -> current term, nothing installed", () => {
  const server = new Solo({ log: [1], term: 5 });
  expect(server.receive(installSnapshot([9, 4], { term: 4 }))).toMatchObject([{ term: 5 }]);
  expect(server.state).toMatchObject({ lastLogIndex: 1, leaderId: null });
});

test("InstallSnapshot: request term > current term -> follower, term adopted", () => {
  const server = new Solo({ term: 2 });
  server.campaign();
  const answers = server.receive(installSnapshot([3, 2], { term: 6 }));
  expect(answers.at(-1)).toMatchObject({ type: "installSnapshotResponse", term: 6 });
  expect(server.state).toMatchObject({ role: "follower", term: 6, leaderId: 1, lastLogIndex: 3 });
});

test("InstallSnapshot: last included index valid -> log cut, state and snapshot saved -> current term", () => {
  const server = new Solo({ log: [1, 1], term: 2 });
  expect(server.receive(installSnapshot([4, 2], { term: 2 }))).toMatchObject([{ term: 2 }]);
  expect(server.node.disk.snapshot?.meta).toEqual({ lastIncludedIndex: 4, lastIncludedTerm: 2 });
  expect(server.node.applied).toHaveLength(4);
  expect(server.terms).toEqual([]);
});

test("InstallSnapshot: last included index committed already -> current term, nothing installed", () => {
  const server = new Solo({ log: [1, 1], term: 1 });
  server.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 2 }));
  expect(server.receive(installSnapshot([1, 1], { term: 1 }))).toMatchObject([{ term: 1 }]);
  expect(server.node.disk.snapshot).toBeNull();
});

test("InstallSnapshot: the leader gets a higher term -> follower of that term", () => {
  const leader = new Solo().lead();
  leader.receive(snapshotAnswer({ term: 7 }));
  expect(leader.state).toMatchObject({ role: "follower", term: 7 });
});

test("InstallSnapshot: the leader gets its own term, or a lower one -> it goes on leading", () => {
  const leader = new Solo({ term: 3 }).lead();
  leader.receive(snapshotAnswer({ term: 4 }), snapshotAnswer({ term: 1 }));
  expect(leader.state).toMatchObject({ role: "leader", term: 4 });
});
