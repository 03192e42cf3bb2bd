import type { NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "./harness/cluster.ts";
import { Dice } from "./harness/dice.ts";
import { appendEntries, conflict, requestVote, success } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// Bugs that other Raft systems have shipped, by their row in docs/shipped-bugs.md, as far as no other test proves that they are not here.

const { heartbeatTicks: HEARTBEAT } = TIMING;

test("row 2: after a restart of all servers a leftover entry of a high term does not win over new writes (PySyncObj#202)", () => {
  const cluster = new Cluster(3);
  for (const id of [0, 1, 2]) cluster.elect(id);
  cluster.run(HEARTBEAT);
  // Server 2, in term 3, has an entry that nobody else has.
  const heal = cluster.isolate(2);
  cluster.propose(2, "leftover");
  cluster.settle();
  for (const id of cluster.ids) cluster.crash(id);
  heal();
  cluster.restart(0);
  cluster.restart(1);
  expect(cluster.state(0).term).toBe(3);
  cluster.elect(0);
  const request = cluster.propose(0, "new");
  cluster.settle();
  expect(cluster.outcome(request)).toBe("committed");

  cluster.restart(2);
  for (let election = 0; election < 5; election += 1) {
    cluster.campaign(2);
    cluster.settle();
    expect(cluster.state(2).role).not.toBe("leader");
  }
  electAtLast(cluster, 1);
  cluster.run(2 * HEARTBEAT);
  for (const id of cluster.ids) expect(cluster.applied(id)).toEqual(["new"]);
});

test("row 10: term and vote reach the disk in one step, and a repeated request is judged by its log like any other (hashicorp/raft, persistVote)", () => {
  const server = new Solo({ log: [1, 1] });
  server.stalled = true;
  server.receive(requestVote([2, 1], { term: 2 }));
  server.node.finishDisk();
  expect(server.sent()).toMatchObject([{ voteGranted: true }]);
  expect(server.node.disk.isBusy).toBe(false);
  expect(server.node.disk.hardState).toEqual({ term: 2, votedFor: 1 });
  // A crash; the same candidate asks again in the same term, with a log that has become older than ours.
  server.node.crash();
  server.stalled = false;
  server.node.start();
  expect(server.receive(requestVote([1, 1], { term: 2 }))).toMatchObject([{ voteGranted: false }]);
});

test("row 17: answers from before the follower's log was replaced do not count when their leader leads again (openraft cecb5de8, fbbf37b1)", () => {
  const cluster = new Cluster(5);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // 1. The leader of term 1 gets three entries to server 1; the answers are delayed.
  cluster.hold(({ type, from, term }) => type === "appendEntriesResponse" && from === 1 && term === 1);
  const apart = cluster.isolate(0, 1);
  for (const text of ["a", "b", "c"]) cluster.propose(0, text);
  cluster.settle();
  expect(cluster.node(1).disk.lastIndex).toBe(4);
  // 2. Another leader replaces them.
  cluster.elect(2);
  apart();
  cluster.run(2 * HEARTBEAT, [2]);
  expect(cluster.logs()[1]).toEqual([1, 2]);
  // 3. Server 0 leads again, with entries that reach nobody.
  cluster.block(({ type, from }) => type === "appendEntries" && from === 0);
  electAtLast(cluster, 0);
  for (const text of ["x", "y"]) cluster.propose(0, text);
  cluster.settle();
  const before = cluster.state(0);
  // 4. Now the answers of step 1 arrive: "I hold everything up to 4".
  const late = cluster.network.parcels.filter(({ message }) => message.term === 1);
  expect(late.map(({ message }) => message)).toMatchObject([
    { matchIndex: 2 },
    { matchIndex: 3 },
    { matchIndex: 4 },
  ]);
  for (const parcel of late) cluster.node(0).receive(parcel);
  expect(cluster.state(0).peers.get(1)).toEqual(before.peers.get(1));
  expect(cluster.state(0).commitIndex).toBe(before.commitIndex);
});

test("row 18: a leader whose log begins above what a follower holds asks about no entry whose term it has forgotten (etcd 76f1249)", () => {
  const leader = new Solo({ log: [1, 1, 1], config: { maxInflightAppends: 1, retainedBytes: 0 } }).lead();
  const opening = leader.lastAppend().sequence;
  for (const from of [1, 2]) leader.receive(success(4, { term: 2, from, sequence: opening }));
  // The window to server 1 is full; server 2 has everything, so it is committed, applied and compacted.
  for (const id of [1, 2, 3]) leader.propose(`x${id}`, id);
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 4, nextIndex: 6 });
  leader.receive(success(7, { term: 2, from: 2, sequence: opening + 100 }));
  leader.sent();
  leader.node.compact();
  expect(leader.state.baseIndex).toBe(7);
  leader.tick(HEARTBEAT);
  const sent = leader.sent();
  sent.push(...leader.receive(conflict(5, -1, { term: 2, sequence: opening + 50 })));
  leader.tick(HEARTBEAT);
  sent.push(...leader.sent());
  const toFollower = sent.filter(({ to }) => to === 1);
  expect(toFollower.filter(({ type }) => type === "installSnapshot")).toHaveLength(1);
  for (const message of toFollower) {
    if (message.type !== "appendEntries") continue;
    expect(message).toMatchObject({ prevLogIndex: 7, prevLogTerm: 2 });
  }
});

test("row 19: refusals of heartbeats that overtook the entries are no loss of the follower's log (openraft#1500)", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // 1. Entries to server 1 are slow, and overdue. Two heartbeats that assume them arrive first and are refused; the refusals are slow, too.
  const arrive = cluster.hold(
    (message) => message.type === "appendEntries" && message.to === 1 && message.entries.length > 0,
  );
  const answer = cluster.hold((message) => message.type === "appendEntriesResponse" && !message.success);
  cluster.propose(0, "a");
  cluster.run(4 * HEARTBEAT);
  expect(cluster.network.parcels.filter(({ message }) => message.from === 1)).toHaveLength(2);
  // 2. The entries arrive and are confirmed.
  arrive();
  cluster.settle();
  expect(cluster.state(0).peers.get(1)).toMatchObject({ matchIndex: 2 });
  // 3. The refusals arrive. (An alert would fail the harness's invariants.)
  answer();
  cluster.settle();
  cluster.run(HEARTBEAT);
  expect(cluster.state(0).peers.get(1)).toMatchObject({ state: "replicate", matchIndex: 2, nextIndex: 3 });
  expect(cluster.applied(1)).toEqual(["a"]);
});

test("row 20: a write that ends vouches for nothing that was replaced meanwhile, even by equal entries (etcd-io/raft, async append ABA; openraft#1960)", () => {
  const server = new Solo({ log: [1], term: 1 });
  server.stalled = true;
  // 1. A, leader of term 1, sends entries 2 and 3; they are being written.
  server.receive(appendEntries([1, 1], [1, 1], { term: 1 }));
  // 2. C, leader of term 2, replaces them.
  server.receive(appendEntries([1, 1], [2], { term: 2, from: 2 }));
  // 3. A leads again, in term 3, and sends its old entries, with a new one.
  expect(server.receive(appendEntries([1, 1], [1, 1, 3], { term: 3, sequence: 7 }))).toEqual([]);
  // 4. The write of step 1 ends. Its entries look like those of step 3, but what step 3 promises is not on disk.
  server.node.finishDisk();
  expect(server.sent().filter(({ term }) => term === 3)).toEqual([]);
  expect(server.node.disk.hardState.term).toBe(1);
  server.node.finishDisk();
  expect(server.sent().filter(({ term }) => term === 3)).toMatchObject([
    { to: 1, success: true, matchIndex: 4, sequence: 7 },
  ]);
  expect(server.terms).toEqual([1, 1, 1, 3]);
});

test("row 22: a server whose large entries were replaced leads with the new ones, before and after a restart (cockroach#36353, #63302)", () => {
  const cluster = new Cluster(5, { maxAppendBytes: 100 });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const heal = cluster.isolate(0);
  for (const letter of ["a", "b", "c"]) cluster.propose(0, large(letter));
  cluster.settle();
  const away = cluster.isolate(4);
  cluster.elect(1);
  const written = ["x", "y", "z"].map(large);
  for (const text of written) cluster.propose(1, text);
  cluster.settle();
  heal();
  cluster.run(3 * HEARTBEAT, [1]);
  cluster.crash(1);
  // Server 4 has none of it, and gets all of it from server 0: first from its memory, then from its disk.
  electAtLast(cluster, 0);
  cluster.crash(0);
  cluster.restart(0);
  electAtLast(cluster, 0);
  away();
  cluster.run(5 * HEARTBEAT, [0, 2, 3, 4]);
  expect(cluster.applied(4)).toEqual(written);
  expect(cluster.applied(0)).toEqual(written);
});

test.each([
  ["three messages", { maxInflightAppends: 3 }, 3],
  // Two commands of 9 bytes, with what an entry costs beside.
  ["a hundred bytes", { maxInflightAppends: 20, maxInflightBytes: 100 }, 2],
])(
  "row 23: whatever happened before, a leader at rest has its whole budget of %s, and its followers everything (etcd a370b6f, e419ba5, 85e68cf; openraft#1828)",
  (_what, window, onTheirWay) => {
    const config = { ...window, maxUncommittedBytes: 400, maxAppendBytes: 50, retainedBytes: 0 };
    const fresh = new Cluster(3, config);
    fresh.elect(0);
    fresh.run(HEARTBEAT);
    const budget = budgetOf(fresh, 0);
    expect(budget).toMatchObject({ onTheirWay });

    const cluster = new Cluster(3, config);
    const dice = new Dice(23);
    cluster.elect(0);
    for (let round = 0; round < 300; round += 1) {
      const leader = cluster.leader() ?? 0;
      cluster.propose(leader, `${round} ${"x".repeat(dice.roll(60))}`);
      if (dice.oneIn(3)) cluster.network.drop(({ to }) => to === dice.pick(cluster.ids));
      if (dice.oneIn(5)) cluster.node(leader).step({ type: "unreachable", peer: (leader + 1) % 3 });
      if (dice.oneIn(6)) cluster.compact(leader);
      if (dice.oneIn(20)) cluster.isolate(dice.pick(cluster.ids));
      if (dice.oneIn(10)) cluster.network.heal();
      cluster.run(1);
    }
    cluster.network.heal();
    // Nothing is proposed any more: everybody must catch up all the same.
    cluster.run(100);
    const leader = cluster.leader();
    if (leader === undefined) throw new Error("no leader");
    const { lastLogIndex, commitIndex, peers } = cluster.state(leader);
    expect(commitIndex).toBe(lastLogIndex);
    for (const peer of peers.values()) {
      expect(peer).toMatchObject({
        state: "replicate",
        matchIndex: lastLogIndex,
        nextIndex: lastLogIndex + 1,
      });
    }
    expect(budgetOf(cluster, leader)).toEqual(budget);
  },
);

test("row 37: newer snapshots and heartbeats do not start a transfer again that is under way (NuRaft#118, camunda#46345)", () => {
  const cluster = new Cluster(3, { retainedBytes: 0, maxRetainedBytes: 10_000 });
  const sent: number[] = [];
  cluster.elect(0);
  const heal = cluster.isolate(2);
  for (let at = 0; at < 60; at += 1) cluster.propose(0, `before ${at}`);
  cluster.run(TIMING.electionTimeoutTicksMin, [0, 1]);
  heal();
  const arrive = cluster.hold((message) => message.type === "installSnapshot");
  cluster.block((message) => {
    if (message.type === "installSnapshot") sent.push(message.lastIncludedIndex);
    return false;
  });
  cluster.compact(0);
  // While the transfer takes its time, the leader takes a newer snapshot with every tick.
  for (let tick = 0; tick < 15; tick += 1) {
    cluster.propose(0, `during ${tick}`);
    cluster.run(1);
    cluster.compact(0);
  }
  expect(cluster.node(0).disk.snapshotIndex).toBeGreaterThan(sent[0] ?? 0);
  arrive();
  cluster.run(HEARTBEAT);
  expect(sent).toHaveLength(1);
  expect(cluster.applied(2)).toEqual(cluster.applied(0));
});

test("row 43: a single server answers what is on its disk, and not what came while it was being written (etcd#14370)", () => {
  const cluster = new Cluster(1);
  cluster.run(1);
  cluster.stallDisk(0);
  const written = cluster.propose(0, "a");
  const waiting = cluster.propose(0, "b");
  cluster.settle();
  expect(cluster.outcome(written)).toBeUndefined();
  cluster.node(0).finishDisk();
  cluster.settle();
  expect(cluster.outcome(written)).toBe("committed");
  expect(cluster.outcome(waiting)).toBeUndefined();
  expect(cluster.state(0).commitIndex).toBe(2);
  cluster.crash(0);
  expect(cluster.node(0).disk.lastIndex).toBe(2);
});

function large(letter: string): string {
  return letter.repeat(300);
}

/** How much a leader at rest takes before it says busy, and how many messages with entries it sends ahead of the answers. */
function budgetOf(cluster: Cluster, leader: NodeId): { accepted: number; onTheirWay: number } {
  cluster.hold(({ type }) => type === "appendEntries");
  const to = (leader + 1) % 3;
  let accepted = 0;
  for (let at = 0; at < 50; at += 1) {
    const request = cluster.propose(leader, `budget ${10 + at}`);
    cluster.settle();
    if (cluster.outcome(request) === "busy") break;
    accepted += 1;
  }
  const onTheirWay = cluster.network.parcels.filter(
    ({ message }) => message.type === "appendEntries" && message.to === to && message.entries.length > 0,
  ).length;
  return { accepted, onTheirWay };
}

/** Elects `id`, which may have to catch up with the terms of the others first. */
function electAtLast(cluster: Cluster, id: NodeId): void {
  for (let election = 0; cluster.state(id).role !== "leader"; election += 1) {
    expect(election).toBeLessThan(10);
    cluster.campaign(id);
    cluster.settle();
  }
}
