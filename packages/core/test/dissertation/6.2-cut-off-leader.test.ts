import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { requestVote, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT } = TIMING;

test("a leader that no majority answers for an election timeout steps down and settles what waits", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.isolate(0);
  const write = cluster.propose(0, "x");
  const read = cluster.read(0);
  cluster.run(TIMEOUT - 1, [0]);
  expect(cluster.state(0).role).toBe("leader");
  cluster.run(1, [0]);
  expect(cluster.state(0)).toMatchObject({ role: "follower", leaderId: null, term: 1 });
  expect(cluster.outcome(write)).toBe("unknown");
  expect(cluster.outcome(read)).toBe("notLeader");
});

test("what is settled as unknown may be committed by the next leader all the same", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.block(({ to }) => to === 0);
  const write = cluster.propose(0, "x");
  cluster.settle();
  cluster.run(TIMEOUT, [0]);
  expect(cluster.outcome(write)).toBe("unknown");
  cluster.network.heal();
  cluster.elect(1);
  cluster.run(4);
  for (const id of cluster.ids) expect(cluster.applied(id)).toEqual(["x"]);
});

test.each([
  [3, 1],
  [4, 2],
  [5, 2],
])("of %i servers a leader needs to hear %i others", (size, needed) => {
  for (const heard of [needed - 1, needed]) {
    const leader = new Solo({ size }).lead();
    for (let tick = 0; tick < 3 * TIMEOUT; tick += 1) {
      leader.tick();
      if (leader.state.role !== "leader") break;
      const { sequence } = leader.appends().at(-1) ?? { sequence: 1 };
      for (let from = 1; from <= heard; from += 1) leader.receive(success(1, { term: 1, from, sequence }));
      leader.sent();
    }
    expect(leader.state.role).toBe(heard === needed ? "leader" : "follower");
  }
});

test("a single server never steps down", () => {
  const leader = new Solo({ size: 1 }).lead();
  leader.tick(10 * TIMEOUT);
  expect(leader.state).toMatchObject({ role: "leader", term: 1 });
});

test("a leader deposed by a higher term settles its proposals and reads at once", () => {
  const leader = new Solo().lead();
  leader.propose("x", 1);
  leader.read(2);
  leader.receive(requestVote([9, 9], { term: 9, from: 2 }));
  expect(leader.outcomes).toEqual([
    { type: "unknown", id: 1, leaderId: null },
    { type: "notLeader", id: 2, leaderId: null },
  ]);
});

test("followers and candidates refuse what only a leader can do, and name the leader they know", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const follower = new Solo({ term: 1 });
  follower.propose("x", 1);
  follower.read(2);
  expect(follower.outcomes).toEqual([
    { type: "notLeader", id: 1, leaderId: null },
    { type: "notLeader", id: 2, leaderId: null },
  ]);
  expect(cluster.outcome(cluster.propose(1, "x"))).toBe("notLeader");
  expect(cluster.state(2).leaderId).toBe(0);
});
