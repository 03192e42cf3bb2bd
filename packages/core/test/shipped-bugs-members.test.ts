import type { MemberChange, NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "./harness/cluster.ts";
import { textOfMembers } from "./harness/members.ts";

// Bugs that other Raft systems have shipped in changes of members, by their row in docs/shipped-bugs.md.

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

function addVoter(id: NodeId): MemberChange {
  return { type: "addVoter", id, address: "" };
}

function remove(id: NodeId): MemberChange {
  return { type: "remove", id };
}

/** Servers that have been led by 0 for a while; those after the first `founders` wait to be added. */
function clusterAtRest(size: number, founders = size, config = {}): Cluster {
  const cluster = new Cluster(size, config, founders);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** Elects `id`, which may have to catch up with the terms of the others first. */
function electAtLast(cluster: Cluster, id: NodeId): void {
  for (let election = 0; cluster.state(id).role !== "leader"; election += 1) {
    expect(election).toBeLessThan(10);
    cluster.campaign(id);
    cluster.settle();
  }
}

/** Runs until some server leads that all running members follow. */
function someLeader(cluster: Cluster): NodeId {
  for (let tick = 0; tick < 10 * MAX; tick += 1) {
    const leader = cluster.leader();
    if (leader !== undefined) return leader;
    cluster.run(1);
  }
  throw new Error("nobody is elected");
}

test("row 6: a server that was promoted and does not know it votes, where its vote is needed (tikv/raft-rs#57, etcd abb533c)", () => {
  const cluster = clusterAtRest(4, 3);
  cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.run(HEARTBEAT);
  // 1. Server 3 is promoted: it has all the log but the two entries that say so.
  cluster.change(0, [{ type: "promote", id: 3 }]);
  cluster.settle();
  const behind = cluster.hold(({ type, to }) => type === "appendEntries" && to === 3);
  cluster.run(1);
  expect(cluster.members(0)).toBe("0 1 2 3");
  expect(cluster.members(3)).toBe("0 1 2 3:promotable");
  // 2. Of the four voters two are gone, a third one is cut off for a moment: server 1 needs the vote of 3, and of 2.
  cluster.crash(0);
  cluster.network.drop(() => true);
  electAtLast(cluster, 1);
  expect(cluster.node(3).disk.hardState).toMatchObject({ votedFor: 1 });
  behind();
  cluster.run(HEARTBEAT);
  expect(cluster.members(3)).toBe("0 1 2 3");
});

test("row 6: nor does it matter to whom it was promoted: without its vote nobody could lead", () => {
  const cluster = clusterAtRest(2, 1);
  cluster.change(0, [addVoter(1)]);
  cluster.settle();
  // Both halves of the joint configuration are in the leader's log only. It crashes.
  cluster.block(({ type, to }) => type === "appendEntries" && to === 1);
  cluster.run(1);
  expect(cluster.members(0)).toBe("0 1:incoming");
  expect(cluster.members(1)).toBe("0 1:promotable");
  cluster.crash(0);
  cluster.restart(0);
  cluster.network.heal();
  cluster.run(4 * MAX);
  expect(cluster.leader()).toBe(0);
  expect(cluster.members(1)).toBe("0 1");
});

test("row 13: a single voter on its way to three commits nothing without the new ones, whatever learners hold, also after a restart (openraft beb0302b, 6c0ccaf3)", () => {
  const cluster = clusterAtRest(4, 1);
  cluster.change(0, [addVoter(1), addVoter(2), { type: "addLearner", id: 3, address: "" }]);
  // 1. The joint configuration reaches the learner only.
  cluster.settle();
  cluster.block(({ type, to }) => type === "appendEntries" && (to === 1 || to === 2));
  cluster.run(1);
  expect(cluster.members(0)).toBe("0 1:incoming 2:incoming 3:learner");
  const before = cluster.state(0).commitIndex;
  const write = cluster.propose(0, "alone");
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(write)).toBeUndefined();
  expect(cluster.state(0).commitIndex).toBe(before);
  expect(cluster.node(3).disk.lastIndex).toBe(cluster.state(0).lastLogIndex);
  // 2. It restarts in the joint configuration: by the old half it would elect itself.
  cluster.crash(0);
  cluster.restart(0);
  cluster.isolate(0, 3);
  cluster.run(4 * MAX, [0, 3]);
  expect(cluster.state(0).role).toBe("candidate");
  cluster.network.heal();
  cluster.run(6 * MAX);
  expect(cluster.members(someLeader(cluster))).toBe("0 1 2 3:learner");
});

test("row 28: two leaders that each remove another server commit nothing apart from each other (raft-dev, 2015)", () => {
  const cluster = clusterAtRest(4);
  // 1. Leader 0 removes 3. With the change of one server at a time, 0 and 1 of three would be its majority later.
  const apart = cluster.isolate(0);
  const first = cluster.change(0, [remove(3)]);
  cluster.settle();
  // 2. Leader 1, elected by 2 and 3, knows nothing of that, and removes 0: with 2 it has a majority of 1, 2 and 3.
  cluster.elect(1);
  const tooEarly = cluster.change(1, [remove(0)]);
  cluster.settle();
  const second = cluster.change(1, [remove(0)]);
  cluster.settle();
  expect([tooEarly, second].map((request) => cluster.outcome(request))).toContain("changed");
  expect(cluster.members(1)).toBe("1 2 3");
  // 3. Leader 0 is back with 2 gone, and would like to commit its change with the vote of 1. (Two commits of one index break an invariant.)
  apart();
  cluster.crash(3);
  cluster.run(6 * MAX);
  expect(cluster.outcome(first)).toBe("unknown");
  expect(cluster.members(someLeader(cluster))).toBe("1 2 3");
});

test("row 28: a new leader takes no change before it knows that none of an earlier one is under way", () => {
  const cluster = clusterAtRest(5);
  cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 1);
  cluster.elect(1);
  expect(cluster.outcome(cluster.change(1, [remove(0)]))).toBe("changePending");
});

test.each([false, true])(
  "row 29: a server whose state machine stands still goes by the members in its log when it stands for election, asked by the leader: %s (etcd#7280, #11284, #12133)",
  (isAsked) => {
    const cluster = clusterAtRest(5, 3);
    // 1. Server 1 applies nothing from here on, across three changes of members.
    cluster.change(0, [addVoter(3), addVoter(4)]);
    for (let tick = 0; tick < 2 * HEARTBEAT; tick += 1) {
      settleBut(cluster, 1);
      cluster.tick(0);
    }
    settleBut(cluster, 1);
    expect(cluster.members(1)).toBe("0 1 2 3 4");
    expect(cluster.state(1).lastApplied).toBe(1);
    // 2. Only server 2 hears it: a majority by the configuration that it has applied, none by the one that is in force.
    const deaf = cluster.block(({ from, to }) => from === 1 && to !== 2);
    if (isAsked) cluster.transfer(0, 1);
    else cluster.campaign(1);
    settleBut(cluster, 1);
    expect(cluster.node(2).disk.hardState).toEqual({ term: 2, votedFor: 1 });
    expect(cluster.state(1)).toMatchObject({ role: "candidate", term: 2 });
    deaf();
    cluster.tick(1, HEARTBEAT);
    settleBut(cluster, 1);
    expect(cluster.state(1)).toMatchObject({ role: "leader", term: 2 });
  },
);

test("row 30: a joint configuration is left once, by one entry, however often it is looked at (etcd e515a67, bd3c759)", () => {
  const cluster = clusterAtRest(3, 3, { retainedBytes: 0 });
  const slow = cluster.hold(({ type }) => type === "appendEntriesResponse");
  cluster.change(0, [remove(2)]);
  cluster.run(HEARTBEAT);
  // Two answers arrive at once, and ticks go by before the next ones do.
  slow();
  cluster.settle();
  cluster.run(TIMEOUT);
  const configurations = cluster
    .node(0)
    .disk.entries.flatMap(({ configuration }) => (configuration ? [textOfMembers(configuration)] : []));
  expect(configurations).toEqual(["0 1 2:outgoing", "0 1"]);
  // And it is not taken up again by whoever restarts with a snapshot from within it.
  cluster.compact(0);
  cluster.crash(0);
  cluster.restart(0);
  expect(cluster.members(0)).toBe("0 1");
});

test("row 31: members survive one compaction after the other, a rollback and a restart, and an uncommitted change is in no snapshot (openraft dba24036, #1808, canonical/raft#250)", () => {
  const cluster = clusterAtRest(4, 3, { retainedBytes: 0 });
  cluster.change(0, [{ type: "addLearner", id: 3, address: "there" }]);
  cluster.run(HEARTBEAT);
  // 1. Compacted twice: the second time no entry in the log says who belongs to the cluster.
  for (const text of ["a", "b"]) {
    cluster.compact(1);
    cluster.propose(0, text);
    cluster.run(HEARTBEAT);
  }
  cluster.compact(1);
  expect(cluster.members(1)).toBe("0 1 2 3:learner");
  // 2. A change gets as far as server 1, is not committed, and another snapshot is taken.
  cluster.propose(0, "c");
  cluster.run(HEARTBEAT);
  cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  cluster.hold(({ type, to }) => type === "appendEntries" && to === 2);
  cluster.change(0, [remove(2)]);
  cluster.settle();
  expect(cluster.members(1)).toBe("0 1 2:outgoing 3:learner");
  cluster.compact(1);
  const { meta } = cluster.node(1).disk.snapshot ?? {};
  expect(textOfMembers(meta?.configuration ?? { members: [] })).toBe("0 1 2 3:learner");
  cluster.crash(1);
  cluster.restart(1);
  expect(cluster.members(1)).toBe("0 1 2:outgoing 3:learner");
  // 3. The entry is overwritten: back to what the snapshot says, with the address.
  const { term, lastLogIndex, lastLogTerm } = cluster.state(0);
  expect(lastLogTerm).toBe(term);
  cluster.node(1).step({
    type: "receive",
    message: {
      type: "appendEntries",
      from: 2,
      to: 1,
      term: term + 1,
      sequence: 1,
      prevLogIndex: lastLogIndex - 1,
      prevLogTerm: term,
      entries: [{ index: lastLogIndex, term: term + 1, command: new Uint8Array(0) }],
      leaderCommit: 0,
    },
  });
  expect(cluster.members(1)).toBe("0 1 2 3:learner");
  expect(cluster.state(1).configuration.configuration.members.at(-1)).toMatchObject({ address: "there" });
});

test("row 32: a change that a minority holds, and a restart of everybody: somebody is elected, and the members are the same everywhere (camunda#57386)", () => {
  for (const holders of [[0], [0, 1], [0, 3], [0, 1, 3]]) {
    const cluster = clusterAtRest(5, 5, { preVote: true });
    cluster.block((message) => message.type === "appendEntries" && !holders.includes(message.to));
    cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
    cluster.change(0, [remove(3), remove(4)]);
    cluster.settle();
    for (const id of cluster.ids) cluster.crash(id);
    cluster.network.heal();
    for (const id of cluster.ids) cluster.restart(id);
    cluster.run(8 * MAX);
    const leader = someLeader(cluster);
    const write = cluster.propose(leader, "a");
    cluster.run(HEARTBEAT);
    expect(cluster.outcome(write)).toBe("committed");
    const members = cluster.members(leader);
    expect(["0 1 2 3 4", "0 1 2"]).toContain(members);
    for (const id of [0, 1, 2]) expect(cluster.members(id)).toBe(members);
  }
});

test("row 33: a server that was removed, lost its disk and is back under its id is not taken for what it was (rethinkdb#5289)", () => {
  const cluster = clusterAtRest(3);
  for (const id of cluster.ids) cluster.identify(0, id, `disk-${id}`);
  cluster.run(HEARTBEAT);
  // 1. What server 2 confirms is delayed; it is removed meanwhile, and its disk is wiped.
  const late = cluster.hold(({ type, from }) => type === "appendEntriesResponse" && from === 2);
  cluster.propose(0, "a");
  cluster.run(HEARTBEAT);
  const parcels = cluster.network.parcels.filter(({ message }) => message.from === 2);
  expect(parcels.length).toBeGreaterThan(0);
  cluster.change(0, [remove(2)]);
  cluster.run(HEARTBEAT);
  expect(cluster.members(0)).toBe("0@disk-0 1@disk-1");
  cluster.crash(2);
  cluster.wipe(2);
  // 2. It is added again. Now the old answers arrive: "I hold everything".
  const silent = cluster.isolate(2);
  cluster.change(0, [addVoter(2)]);
  cluster.settle();
  late();
  for (const parcel of parcels) cluster.node(0).receive(parcel);
  cluster.run(2);
  expect(cluster.state(0).peers.get(2)).toMatchObject({ matchIndex: 0 });
  expect(cluster.members(0)).toBe("0@disk-0 1@disk-1 2:promotable");
  // 3. It joins like any other.
  cluster.restart(2);
  silent();
  cluster.run(TIMEOUT);
  expect(cluster.members(0)).toBe("0@disk-0 1@disk-1 2");
  expect(cluster.applied(2)).toEqual(["a"]);
});

test("row 34: when the leader is removed the others have one within an election timeout, whatever gets lost (etcd#11038, raft-rs#584)", () => {
  for (const isLost of [false, true]) {
    const cluster = clusterAtRest(3, 3, { preVote: true });
    if (isLost) cluster.block(({ type }) => type === "timeoutNow");
    const change = cluster.change(0, [remove(0)]);
    cluster.settle();
    expect(cluster.outcome(change)).toBe("changed");
    expect(cluster.outcome(cluster.propose(0, "refused"))).toBe("notLeader");
    cluster.run(isLost ? MAX : 0);
    const leader = cluster.leader() ?? 0;
    expect([1, 2]).toContain(leader);
    const write = cluster.propose(leader, "a");
    cluster.settle();
    expect(cluster.outcome(write)).toBe("committed");
  }
});

/** Settles everything but the state machine of `id`. */
function settleBut(cluster: Cluster, id: NodeId): void {
  for (let round = 0; round < 200; round += 1) {
    for (const node of cluster.nodes) {
      node.finishDisk();
      if (node.id !== id) node.finishApply();
    }
    cluster.deliver();
  }
}
