import type { MemberChange } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { textOfMembers } from "../harness/members.ts";
import { appendEntries, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

const REMOVE: MemberChange = { type: "remove", id: 0 };
const DEMOTE: MemberChange = { type: "demote", id: 0 };

/** Servers that have been led by 0 for a while. */
function clusterAtRest(size: number, preVote = false): Cluster {
  const cluster = new Cluster(size, { preVote });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

test.each([
  ["removed", REMOVE, "1 2"],
  ["demoted", DEMOTE, "0:learner 1 2"],
])(
  "a leader that is %s steps down once the new configuration is committed, and not before",
  (_what, change, after) => {
    const leader = new Solo().lead();
    const { sequence } = leader.lastAppend();
    for (const from of [1, 2]) leader.receive(success(1, { term: 1, from, sequence }));
    leader.change([change], null, 7);
    // The joint configuration needs two of three, and of the others both.
    for (const from of [1, 2]) leader.receive(success(2, { term: 1, from, sequence: 100 }));
    expect(textOfMembers(leader.state.configuration.configuration)).toBe(after);
    expect(leader.state).toMatchObject({ role: "leader", commitIndex: 2 });
    leader.receive(success(3, { term: 1, from: 1, sequence: 101 }));
    expect(leader.state).toMatchObject({ role: "leader", commitIndex: 2 });
    leader.receive(success(3, { term: 1, from: 2, sequence: 101 }));
    expect(leader.state).toMatchObject({ role: "follower", commitIndex: 3, leaderId: null, term: 1 });
    expect(leader.outcomes).toMatchObject([{ type: "changed", id: 7, index: 3 }]);
  },
);

test("there is a period in which it manages a cluster that does not include itself: it replicates, and does not count itself in majorities", () => {
  const cluster = clusterAtRest(3);
  const stop = cluster.hold(({ type, from }) => type === "appendEntriesResponse" && from === 2);
  const change = cluster.change(0, [REMOVE]);
  const write = cluster.propose(0, "a");
  cluster.settle();
  // Joint: of the new half, 1 and 2, only one has answered.
  expect(cluster.members(0)).toBe("0:outgoing 1 2");
  stop();
  cluster.settle();
  expect([change, write].map((request) => cluster.outcome(request))).toEqual(["changed", "committed"]);
  expect(cluster.state(0).role).toBe("follower");
  cluster.run(HEARTBEAT);
  expect(cluster.applied(1)).toEqual(["a"]);
});

test("commands are taken to the end, and each gets its outcome", () => {
  const cluster = clusterAtRest(3);
  const stop = cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  cluster.change(0, [REMOVE]);
  cluster.settle();
  const early = cluster.propose(0, "early");
  cluster.settle();
  stop();
  cluster.settle();
  const late = cluster.propose(0, "late");
  expect([early, late].map((request) => cluster.outcome(request))).toEqual(["committed", "notLeader"]);
});

test("it tells everybody that it is done before it goes, and somebody to stand at once: nobody waits for a timeout", () => {
  for (const preVote of [true, false]) {
    const cluster = clusterAtRest(4, preVote);
    const change = cluster.change(0, [REMOVE]);
    cluster.settle();
    expect(cluster.outcome(change)).toBe("changed");
    const leader = cluster.leader() ?? 0;
    expect(leader).toBeGreaterThan(0);
    expect(cluster.state(leader)).toMatchObject({ term: 2 });
    const write = cluster.propose(leader, "a");
    cluster.settle();
    expect(cluster.outcome(write)).toBe("committed");
  }
});

test("if that gets lost there is an ordinary election", () => {
  const cluster = clusterAtRest(3, true);
  cluster.block(({ type }) => type === "timeoutNow");
  cluster.change(0, [REMOVE]);
  cluster.settle();
  expect(cluster.leader()).toBeUndefined();
  cluster.run(2 * MAX);
  expect([1, 2]).toContain(cluster.leader());
});

test("the removed server keeps quiet afterwards", () => {
  const cluster = clusterAtRest(3, true);
  cluster.change(0, [REMOVE]);
  cluster.settle();
  const said = countSent(cluster);
  cluster.run(10 * MAX);
  expect(said()).toBe(0);
});

test("after a restart it does not know that its removal is committed, and asks; it disturbs nobody", () => {
  const cluster = clusterAtRest(3, true);
  cluster.change(0, [REMOVE]);
  cluster.settle();
  const leader = cluster.leader() ?? 0;
  const { term } = cluster.state(leader);
  cluster.crash(0);
  cluster.restart(0);
  const said = countSent(cluster);
  cluster.run(10 * MAX);
  expect(said()).toBeGreaterThan(0);
  expect(cluster.state(leader)).toMatchObject({ role: "leader", term });
});

test("a demoted leader goes on as a learner of the next one", () => {
  const cluster = clusterAtRest(3);
  cluster.change(0, [DEMOTE]);
  cluster.settle();
  cluster.run(HEARTBEAT);
  const leader = cluster.leader() ?? 0;
  expect(leader).toBeGreaterThan(0);
  cluster.propose(leader, "a");
  cluster.run(HEARTBEAT);
  expect(cluster.state(0)).toMatchObject({ role: "follower", leaderId: leader });
  expect(cluster.applied(0)).toEqual(["a"]);
  // It counts no more: of the two that do, one is not enough.
  cluster.isolate(0, leader);
  const write = cluster.propose(leader, "b");
  cluster.settle();
  expect(cluster.outcome(write)).toBeUndefined();
});

test("who takes over after a removal is no learner, and not the one that is removed with it", () => {
  const cluster = new Cluster(5, {}, 4);
  cluster.elect(0);
  cluster.change(0, [{ type: "addLearner", id: 4, address: "" }]);
  cluster.run(HEARTBEAT);
  const asked: number[] = [];
  cluster.block(({ type, to }) => {
    if (type === "timeoutNow") asked.push(to);
    return false;
  });
  cluster.change(0, [REMOVE, { type: "remove", id: 1 }]);
  cluster.settle();
  expect(asked).toHaveLength(1);
  expect([2, 3]).toContain(asked[0]);
});

// --- a server that is not part of its own latest configuration

test("it should still start new elections, as it might still be needed until the new configuration is committed", () => {
  const cluster = clusterAtRest(2);
  // 1. Leader 0 removes itself. Both servers have the joint configuration, the leader alone has the new one.
  cluster.block((message) => message.type === "appendEntries" && message.entries.at(-1)?.index === 3);
  cluster.change(0, [REMOVE]);
  cluster.settle();
  expect([0, 1].map((id) => cluster.members(id))).toEqual(["1", "0:outgoing 1"]);
  cluster.crash(0);
  cluster.restart(0);
  cluster.network.heal();
  // 2. Server 1 needs the vote of 0, and does not get it: its log is shorter.
  cluster.campaign(1);
  cluster.settle();
  expect(cluster.state(1).role).toBe("candidate");
  // 3. So 0 leads once more, by the vote of 1 alone, brings its removal to the end, and goes.
  cluster.run(10 * MAX);
  expect(cluster.leader()).toBe(1);
  expect(cluster.members(1)).toBe("1");
  expect(cluster.state(1).commitIndex).toBe(cluster.state(1).lastLogIndex);
});

test("its own vote does not count in such an election", () => {
  const server = new Solo({ log: [1, 1], members: { 1: "0:outgoing 1 2", 2: "1 2" }, term: 1 });
  server.campaign();
  expect(server.state).toMatchObject({ role: "candidate", term: 2 });
  const vote = { type: "requestVoteResponse", to: 0, term: 2, sequence: 1, voteGranted: true } as const;
  server.receive({ ...vote, from: 1 });
  expect(server.state.role).toBe("candidate");
  server.receive({ ...vote, from: 2 });
  expect(server.state.role).toBe("leader");
});

test("once it knows that the new configuration is committed it does not stand any more", () => {
  const server = new Solo({ log: [1, 1], members: { 1: "0:outgoing 1 2", 2: "1 2" } });
  server.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 2 }));
  server.tick(10 * TIMEOUT);
  expect(server.state).toMatchObject({ role: "follower", term: 1 });
});

/** How many messages server 0 has sent since. */
function countSent(cluster: Cluster): () => number {
  let count = 0;
  cluster.block(({ from }) => {
    if (from === 0) count += 1;
    return false;
  });
  return () => count;
}
