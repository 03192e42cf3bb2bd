import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { requestVote, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT } = TIMING;

test("the leader sends entries before its own disk has them", () => {
  const leader = new Solo().lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.stalled = true;
  leader.propose("x");
  expect(leader.lastAppend()).toMatchObject({ prevLogIndex: 1, entries: [{ index: 2 }] });
  expect(leader.state).toMatchObject({ stableIndex: 1, lastLogIndex: 2 });
});

test("it counts itself only once they are on its disk", () => {
  const leader = new Solo({ size: 4 }).lead();
  leader.receive(
    success(1, { term: 1, from: 1, sequence: 1 }),
    success(1, { term: 1, from: 2, sequence: 1 }),
  );
  leader.stalled = true;
  leader.propose("x");
  const { sequence } = leader.lastAppend();
  leader.receive(success(2, { term: 1, from: 1, sequence }), success(2, { term: 1, from: 2, sequence }));
  expect(leader.state.commitIndex).toBe(1);
  leader.resume();
  expect(leader.state.commitIndex).toBe(2);
});

test("a majority of others commits without the leader's disk; it applies when its own is done", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const resume = cluster.stallDisk(0);
  const request = cluster.propose(0, "x");
  cluster.settle();
  expect(cluster.state(0)).toMatchObject({ commitIndex: 2, lastApplied: 1 });
  expect(cluster.outcome(request)).toBeUndefined();
  resume();
  cluster.settle();
  expect(cluster.outcome(request)).toBe("committed");
});

test("in replicate entries run ahead of the answers", () => {
  const leader = new Solo({ config: { maxInflightAppends: 3 } }).lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  for (const text of ["a", "b", "c", "d"]) leader.propose(text);
  expect(leader.appends().map(({ prevLogIndex }) => prevLogIndex)).toEqual([1, 2, 3]);
});

test("one answer for the last of several requests frees them all", () => {
  const leader = new Solo({ config: { maxInflightAppends: 2 } }).lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.propose("a");
  leader.propose("b");
  leader.receive(success(3, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.propose("c");
  leader.propose("d");
  expect(leader.appends().map(({ prevLogIndex }) => prevLogIndex)).toEqual([3, 4]);
});

test("what arrives together travels together", () => {
  const cluster = new Cluster(2);
  cluster.elect(0);
  const resume = cluster.stallDisk(1);
  for (const text of ["a", "b", "c", "d", "e", "f", "g", "h"]) cluster.propose(0, text);
  cluster.settle();
  const writes: number[] = [];
  resume();
  while (cluster.node(1).disk.isBusy) {
    const before = cluster.node(1).disk.lastIndex;
    cluster.node(1).finishDisk();
    writes.push(cluster.node(1).disk.lastIndex - before);
  }
  // While the first write was under way the others queued up: they are the second.
  expect(writes).toEqual([1, 3]);
});

test("a leader whose disk hangs for an election timeout steps down, so that a working server can lead", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.stallDisk(0);
  const request = cluster.propose(0, "x");
  cluster.run(TIMEOUT - 1);
  expect(cluster.state(0).role).toBe("leader");
  cluster.run(1);
  expect(cluster.state(0).role).toBe("follower");
  cluster.run(4 * TIMEOUT);
  expect(cluster.leader()).not.toBe(0);
  expect(cluster.leader()).toBeDefined();
  // The others have committed it. Here it would be applied only when the disk is back, which may be never.
  expect(cluster.outcome(request)).toBe("unknown");
});

test("a proposal that is committed while the leader's disk is slow is answered when the disk is done", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const resume = cluster.stallDisk(0);
  const request = cluster.propose(0, "x");
  cluster.run(TIMEOUT - 2);
  expect(cluster.outcome(request)).toBeUndefined();
  resume();
  cluster.run(3 * TIMEOUT);
  expect(cluster.outcome(request)).toBe("committed");
  for (const id of cluster.ids) expect(cluster.applied(id)).toEqual(["x"]);
});

test("a server whose disk hangs does not stand for election, and does not drive the term up", () => {
  const server = new Solo({ term: 4 });
  server.stalled = true;
  server.receive(requestVote([0, 0], { term: 5 }));
  server.tick(20 * TIMEOUT);
  expect(server.state).toMatchObject({ role: "follower", term: 5 });
  server.resume();
  server.sent();
  server.tick();
  expect(server.sent()).toMatchObject([
    { type: "requestVote", term: 6, to: 1 },
    { type: "requestVote", term: 6, to: 2 },
  ]);
});

test("a request for votes that a hung disk held back until another term came is not sent any more", () => {
  const server = new Solo();
  server.stalled = true;
  server.campaign();
  server.receive(requestVote([0, 0], { term: 2 }));
  server.resume();
  expect(server.sent()).toMatchObject([{ type: "requestVoteResponse", term: 2, voteGranted: true }]);
});
