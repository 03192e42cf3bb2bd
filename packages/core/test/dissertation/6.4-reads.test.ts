import { expect, test } from "vitest";
import { Cluster } from "../harness/cluster.ts";
import { conflict, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

test("no read before an entry of the leader's own term is committed", () => {
  const leader = new Solo({ log: [1] }).lead();
  const opening = leader.lastAppend();
  leader.read();
  // Both followers answer, but lack the opening entry: the leader does not know the cluster's commit index yet.
  leader.tick(3);
  const { sequence } = leader.lastAppend();
  leader.receive(
    conflict(1, -1, { term: 2, from: 1, sequence }),
    conflict(1, -1, { term: 2, from: 2, sequence }),
  );
  expect(leader.outcomes).toEqual([]);
  // The opening entry is committed: now the round for the read begins.
  const round = leader.receive(success(2, { term: 2, sequence: opening.sequence }));
  expect(leader.outcomes).toEqual([]);
  leader.receive(success(2, { term: 2, sequence: round.find(({ to }) => to === 1)?.sequence ?? 0 }));
  expect(leader.outcomes).toEqual([{ type: "readable", id: 1, index: 2 }]);
});

/** A leader with a committed entry of its term. */
function settledLeader(size = 3): Solo {
  const leader = new Solo({ size }).lead();
  const { sequence } = leader.lastAppend();
  for (let from = 1; from < size; from += 1) leader.receive(success(1, { term: 1, from, sequence }));
  leader.sent();
  return leader;
}

test("a read needs a round of answers that begins after it", () => {
  const leader = settledLeader();
  leader.tick(3);
  const before = leader.lastAppend().sequence;
  leader.read();
  const after = leader.lastAppend().sequence;
  leader.receive(success(1, { term: 1, sequence: before }));
  expect(leader.outcomes).toEqual([]);
  leader.receive(success(1, { term: 1, sequence: after }));
  expect(leader.outcomes).toEqual([{ type: "readable", id: 1, index: 1 }]);
});

test("a refusal in the leader's term confirms its leadership as well as a success", () => {
  const leader = settledLeader();
  leader.read();
  leader.receive(conflict(1, -1, { term: 1, sequence: leader.lastAppend().sequence }));
  expect(leader.outcomes).toMatchObject([{ type: "readable" }]);
});

test("a majority must answer, counting the leader", () => {
  const leader = settledLeader(5);
  leader.read();
  const { sequence } = leader.lastAppend();
  leader.receive(success(1, { term: 1, from: 1, sequence }), success(1, { term: 1, from: 1, sequence }));
  expect(leader.outcomes).toEqual([]);
  leader.receive(success(1, { term: 1, from: 4, sequence }));
  expect(leader.outcomes).toHaveLength(1);
});

test("reads that arrive during a round share the next one", () => {
  const leader = settledLeader();
  leader.read(1);
  const first = leader.appends();
  leader.read(2);
  leader.read(3);
  expect(leader.sent()).toEqual([]);
  const second = leader.receive(success(1, { term: 1, sequence: first.at(-1)?.sequence ?? 0 }));
  expect(leader.outcomes).toMatchObject([{ id: 1 }]);
  leader.receive(success(1, { term: 1, sequence: second.find(({ to }) => to === 1)?.sequence ?? 0 }));
  expect(leader.outcomes).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }]);
});

test("a round whose messages are lost is completed by the next heartbeat", () => {
  const leader = settledLeader();
  leader.read();
  leader.sent();
  leader.tick(3);
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  expect(leader.outcomes).toMatchObject([{ type: "readable" }]);
});

test("a read waits until its index is applied", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.propose(0, "x");
  // Everything but the state machine of the leader works.
  for (let step = 0; step < 50; step += 1) {
    for (const node of cluster.nodes) node.finishDisk();
    cluster.deliver();
  }
  expect(cluster.state(0)).toMatchObject({ commitIndex: 2, lastApplied: 1 });
  const read = cluster.read(0);
  while (cluster.deliver()) for (const node of cluster.nodes) node.finishDisk();
  expect(cluster.outcome(read)).toBeUndefined();
  cluster.node(0).finishApply();
  cluster.node(0).finishApply();
  expect(cluster.outcome(read)).toBe("readable");
});

test("a leader that has been replaced without knowing it cannot read", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.isolate(0);
  cluster.elect(1);
  cluster.propose(1, "newer");
  cluster.settle();
  expect(cluster.state(0).role).toBe("leader");
  const read = cluster.read(0);
  cluster.run(30, [0]);
  expect(cluster.outcome(read)).toBe("notLeader");
});

test("answers delayed from before the isolation do not make a stale leader readable", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(3);
  const release = cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  cluster.run(6);
  cluster.network.block(({ to, type }) => to === 0 && type !== "appendEntriesResponse");
  cluster.network.block(({ from }) => from === 0);
  cluster.elect(1);
  cluster.propose(1, "newer");
  // Its own answers to the new leader are lost too, so it hears nothing but the past.
  cluster.settle();
  const read = cluster.read(0);
  release();
  cluster.settle();
  expect(cluster.outcome(read)).toBeUndefined();
});

test("the rejection of a request from before a restart does not confirm the leadership won since", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(6);
  // 1. A request of term 1 with a high number is delayed.
  const release = cluster.hold((message) => message.term === 1 && message.to === 1);
  cluster.tick(0, 3);
  // 2. Its sender restarts, counts from 1 again, and is elected in term 2.
  cluster.crash(0);
  cluster.restart(0);
  cluster.elect(0);
  // 3. The request arrives now, and is rejected with term 2; the rejection reaches a leader cut off from everything new.
  const cutOff = [
    cluster.hold(({ from, term }) => from === 0 && term === 2),
    cluster.block(({ from }) => from === 2),
  ];
  release();
  cluster.settle();
  const read = cluster.read(0);
  cluster.settle();
  expect(cluster.outcome(read)).toBeUndefined();
  for (const end of cutOff) end();
  cluster.settle();
  expect(cluster.outcome(read)).toBe("readable");
});

test("a single server reads by itself", () => {
  const cluster = new Cluster(1);
  cluster.run(1);
  const read = cluster.read(0);
  expect(cluster.outcome(read)).toBe("readable");
});
