import type { NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "./harness/cluster.ts";
import { preVoteAnswer, requestVote, success } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// Bugs that other Raft systems have shipped in pre-votes, transfers and reads, by their row in docs/shipped-bugs.md.

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

const config = { preVote: true };

function clusterAtRest(size: number): Cluster {
  const cluster = new Cluster(size, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** Runs until there is a leader among the servers that are up. */
function someLeader(cluster: Cluster): NodeId {
  for (let tick = 0; tick < 10 * MAX; tick += 1) {
    const leader = cluster.leader();
    if (leader !== undefined) return leader;
    cluster.run(1);
  }
  throw new Error("nobody is elected");
}

test("row 3: the answer to a pre-vote that arrives in the election is no vote, and to ask takes back no vote (canonical/raft#196)", () => {
  // 1. Of five servers 0 asks, and gets the consent of 1 and 2. That of 3 and 4, who vote for somebody else, is delayed.
  const server = new Solo({ size: 5, config });
  server.campaign();
  server.receive(
    ...[1, 2].map((from) => preVoteAnswer(true, { term: 0, from, sequence: server.lastQuestion })),
  );
  expect(server.state).toMatchObject({ role: "candidate", term: 1 });
  // 2. It arrives now; a consent may name the new term, too, if its sender has come to it since.
  for (const term of [0, 1]) {
    for (const from of [1, 2, 3, 4]) {
      server.receive(preVoteAnswer(true, { term, from, sequence: server.lastQuestion }));
    }
  }
  expect(server.state).toMatchObject({ role: "candidate", term: 1 });

  // 3. A server that has voted in a term and asks again does not vote for a second one in it.
  const voter = new Solo({ log: [1], config });
  voter.receive(requestVote([1, 1], { term: 2, from: 1 }));
  voter.campaign();
  expect(voter.state).toMatchObject({ role: "preCandidate", term: 2, votedFor: 1 });
  voter.sent();
  expect(voter.receive(requestVote([9, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: false }]);
});

test("row 4: two servers of different terms are left, the one of the lower term with the newer log: one is elected (etcd d4471b2, canonical/raft#279, openraft#1796)", () => {
  const cluster = clusterAtRest(3);
  // 1. Server 2 is cut off, and came to a higher term: it was asked to take over and could reach nobody.
  const away = cluster.isolate(2);
  cluster
    .node(2)
    .step({ type: "receive", message: { type: "timeoutNow", from: 0, to: 2, term: 1, sequence: 1 } });
  cluster.settle();
  cluster.propose(0, "a");
  cluster.run(HEARTBEAT);
  expect([0, 1, 2].map((id) => cluster.state(id).term)).toEqual([1, 1, 2]);
  // 2. The leader dies just as the connection to server 2 is back.
  cluster.crash(0);
  away();
  const leader = someLeader(cluster);
  expect(leader).toBe(1);
  cluster.run(HEARTBEAT);
  expect(cluster.applied(2)).toEqual(["a"]);
});

test("row 5: a leader that has stepped down can be elected again at once, by a server that heard from it a moment ago (hashicorp/raft#606)", () => {
  const cluster = clusterAtRest(3);
  cluster.crash(2);
  // Its answers get lost for an election timeout, what it sends does not: the other one hears it to the end.
  const deaf = cluster.block(({ to }) => to === 0);
  cluster.run(TIMEOUT, [0]);
  deaf();
  expect(cluster.state(0).role).toBe("follower");
  expect(cluster.state(1)).toMatchObject({ role: "follower", leaderId: 0 });
  cluster.run(MAX, [0]);
  expect(cluster.leader()).toBe(0);
});

test("row 5: servers that keep asking do not keep a better one from standing (hashicorp/raft#606)", () => {
  const cluster = clusterAtRest(3);
  cluster.crash(0);
  // Server 2, whose log is as good, is asked and consents all the time; the answers get lost.
  cluster.block(({ type, to }) => type === "preVoteResponse" && to === 1);
  for (let tick = 0; cluster.leader() === undefined; tick += 1) {
    expect(tick).toBeLessThan(3 * MAX);
    cluster.run(1);
  }
  expect(cluster.leader()).toBe(2);
});

test("row 8: a round of questions that ends late, after another one was won, starts no further campaign (openraft#1846)", () => {
  const cluster = clusterAtRest(5);
  cluster.crash(4);
  cluster.crash(0);
  // 1. Server 1 asks twice. The answers to the first round are late, those to the second make it leader.
  const late = cluster.hold(({ type, to }) => type === "preVoteResponse" && to === 1);
  cluster.block(({ type, from }) => type === "preVote" && from !== 1);
  for (const id of [2, 3]) cluster.tick(id, TIMEOUT);
  cluster.campaign(1);
  cluster.settle();
  const first = cluster.network.parcels.splice(0);
  expect(first.length).toBeGreaterThanOrEqual(2);
  cluster.tick(1, MAX);
  late();
  cluster.settle();
  const { term } = cluster.state(1);
  expect(cluster.state(1).role).toBe("leader");
  // 2. Now the others arrive.
  for (const parcel of first) cluster.node(1).receive(parcel);
  cluster.run(2 * HEARTBEAT);
  expect(cluster.state(1)).toMatchObject({ role: "leader", term });
});

test("row 7: a request to stand that comes when its receiver is to be a voter no longer makes it no leader (etcd 816fc51)", () => {
  for (const [type, lastTerm] of [["demote", 1] as const, ["remove", 3] as const]) {
    const cluster = clusterAtRest(3);
    // 1. The transfer fails, because the request is slow.
    const late = cluster.hold(({ type }) => type === "timeoutNow");
    const transfer = cluster.transfer(0, 1);
    cluster.run(TIMEOUT);
    expect(cluster.outcome(transfer)).toBe("transferFailed");
    const done = cluster.change(0, [{ type, id: 1 }]);
    cluster.run(HEARTBEAT);
    expect(cluster.outcome(done)).toBe("changed");
    // 2. The request comes. Who was demoted knows it. Who was removed does not, and may cost an election, which it cannot win.
    late();
    cluster.run(4 * MAX);
    expect(cluster.state(1).role).not.toBe("leader");
    const leader = someLeader(cluster);
    expect([0, 2]).toContain(leader);
    expect(cluster.state(leader).term).toBeLessThanOrEqual(lastTerm);
    const write = cluster.propose(leader, "a");
    cluster.settle();
    expect(cluster.outcome(write)).toBe("committed");
  }
});

test("row 24: a new leader gives a follower no read index before it knows its own (etcd#7331)", () => {
  const cluster = clusterAtRest(3);
  // 1. A write is committed, and acknowledged by leader 0; the others hold it and do not know that it is committed.
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
  expect(cluster.state(1).commitIndex).toBe(1);
  // 2. Server 1 leads. Its opening entry is confirmed by nobody yet when server 2 wants to read.
  cluster.crash(0);
  cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 1);
  cluster.tick(2, TIMEOUT);
  cluster.elect(1);
  const reads = [cluster.read(1), cluster.read(2)];
  cluster.settle();
  expect(cluster.state(1).commitIndex).toBe(1);
  expect(reads.map((request) => cluster.outcome(request))).toEqual([undefined, undefined]);
});

test("row 26: a transfer to a server that cannot be reached, under constant reads and writes: none is stale, and writes are blocked for a timeout only (openraft#1747)", () => {
  const cluster = new Cluster(3, { ...config, leaseDuration: TIMEOUT - 2 });
  let now = 0;
  const served = { reads: 0, writes: 0, refused: 0 };
  const live = (ticks: number): void => {
    for (let tick = 0; tick < ticks; tick += 1) {
      now += 1;
      for (const node of cluster.nodes) node.step({ type: "time", now });
      for (const id of cluster.ids) {
        if (cluster.state(id).role !== "leader") continue;
        const write = cluster.propose(id, `${now}`);
        const read = cluster.read(id, "lease");
        cluster.settle();
        // (A stale read breaks an invariant of the harness.)
        if (cluster.outcome(read) === "readable") served.reads += 1;
        if (cluster.outcome(write) === "committed") served.writes += 1;
        if (cluster.outcome(write) === "transferring") served.refused += 1;
      }
      cluster.run(1);
    }
  };
  live(2 * MAX);
  const leader = someLeader(cluster);
  const target = (leader + 1) % 3;
  const cut = cluster.isolate(target);
  const transfer = cluster.transfer(leader, target);
  served.reads = 0;
  live(TIMEOUT);
  expect(cluster.outcome(transfer)).toBe("transferFailed");
  expect(served.reads).toBeGreaterThan(0);
  expect(served.refused).toBeLessThanOrEqual(TIMEOUT);
  served.writes = 0;
  live(TIMEOUT);
  expect(served.writes).toBe(TIMEOUT);
  cut();
  live(4 * MAX);
});

test("row 27: a leader that stood still for longer than its lease asks before it answers, though no tick has told it (etcd#6005, sofa-jraft#26)", () => {
  const leader = new Solo({ config: { ...config, leaseDuration: TIMEOUT - 2 } });
  leader.step({ type: "time", now: 100 });
  leader.lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.step({ type: "read", id: 1, consistency: "lease" });
  expect(leader.outcomes).toMatchObject([{ type: "readable", id: 1 }]);
  // The process stands still; meanwhile another leader is elected and takes writes. The first thing that comes in is a read.
  leader.step({ type: "time", now: 100 + TIMEOUT });
  leader.step({ type: "read", id: 2, consistency: "lease" });
  expect(leader.outcomes).toHaveLength(1);
});
