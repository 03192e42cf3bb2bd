import type { MemberChange } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { configurationsOf } from "../harness/members.ts";

// Joint consensus is for arbitrary changes at once (4.3). Here a request that both adds voters and lets some go: whoever comes has to catch up first (4.2.1), and
// until then nobody goes.

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

/** A cluster of three led by 0, and one more server. */
function clusterWithSpare(): Cluster {
  const cluster = new Cluster(4, {}, 3);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

const REPLACE: readonly MemberChange[] = [
  { type: "remove", id: 2 },
  { type: "addVoter", id: 3, address: "" },
];

test("a server is replaced in one request, by one joint configuration, once the new one has caught up: until then the old one counts", () => {
  const cluster = clusterWithSpare();
  const slow = cluster.hold(({ type, to }) => type === "appendEntries" && to === 3);
  const change = cluster.change(0, REPLACE);
  cluster.run(3 * HEARTBEAT);
  expect(cluster.members(0)).toBe("0 1 2 3:promotable");
  slow();
  cluster.run(2 * HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(configurationsOf(cluster.node(0).disk).map((line) => line.slice(3))).toEqual([
    "0 1 2 3:promotable",
    "0 1 2:outgoing 3:incoming",
    "0 1 3",
  ]);
});

test("a voter and a learner change places in one step", () => {
  const cluster = clusterWithSpare();
  cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.run(HEARTBEAT);
  const swap = cluster.change(0, [
    { type: "demote", id: 2 },
    { type: "promote", id: 3 },
  ]);
  cluster.run(2 * HEARTBEAT);
  expect(cluster.outcome(swap)).toBe("changed");
  expect(configurationsOf(cluster.node(0).disk).slice(-2)).toEqual([
    "4: 0 1 2:demoted 3:incoming",
    "5: 0 1 2:learner 3",
  ]);
});

test("if the leader is among those that are replaced it goes last", () => {
  const cluster = new Cluster(5, {}, 3);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const change = cluster.change(0, [
    ...[0, 1].map((id) => ({ type: "remove", id }) as const),
    ...[3, 4].map((id) => ({ type: "addVoter", id, address: "" }) as const),
  ]);
  cluster.run(3 * HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.state(0).role).toBe("follower");
  const leader = cluster.leader() ?? 0;
  expect([2, 3, 4]).toContain(leader);
  expect(configurationsOf(cluster.node(leader).disk).map((line) => line.slice(3))).toEqual([
    "0 1 2 3:promotable 4:promotable",
    "0:outgoing 1:outgoing 2 3:incoming 4:incoming",
    "2 3 4",
  ]);
});

test("nobody goes before all have come that were asked for", () => {
  const cluster = new Cluster(5, {}, 3);
  cluster.elect(0);
  cluster.crash(4);
  const change = cluster.change(0, [
    { type: "remove", id: 2 },
    { type: "addVoter", id: 3, address: "" },
    { type: "addVoter", id: 4, address: "" },
  ]);
  cluster.run(TIMEOUT);
  expect(cluster.members(0)).toBe("0 1 2 3 4:promotable");
  cluster.restart(4);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(0)).toBe("0 1 3 4");
});

test("if the new server never comes the old one stays: also when the request is taken back", () => {
  const cluster = clusterWithSpare();
  cluster.crash(3);
  const change = cluster.change(0, REPLACE);
  cluster.run(3 * TIMEOUT);
  expect(cluster.outcome(change)).toBeUndefined();
  const back = cluster.change(0, [{ type: "remove", id: 3 }]);
  cluster.run(HEARTBEAT);
  expect([change, back].map((request) => cluster.outcome(request))).toEqual(["refused", "changed"]);
  expect(cluster.members(0)).toBe("0 1 2");
});

test("what somebody else has done meanwhile need not be done again", () => {
  const cluster = clusterWithSpare();
  cluster.crash(3);
  const change = cluster.change(0, REPLACE);
  cluster.run(HEARTBEAT);
  const other = cluster.change(0, [{ type: "remove", id: 2 }]);
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(other)).toBe("changed");
  cluster.restart(3);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(0)).toBe("0 1 3");
});

test("another leader does not know who was to be replaced: the new server joins, the old one stays, and the outcome is unknown", () => {
  const cluster = clusterWithSpare();
  cluster.crash(3);
  const change = cluster.change(0, REPLACE);
  cluster.run(HEARTBEAT);
  cluster.elect(1);
  cluster.restart(3);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("unknown");
  expect(cluster.members(1)).toBe("0 1 2 3");
});

test("where there are as many voters as there may be, one has to go first", () => {
  const cluster = new Cluster(8, {}, 7);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const change = cluster.change(0, [
    { type: "addVoter", id: 7, address: "" },
    { type: "remove", id: 6 },
  ]);
  cluster.run(2 * HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(configurationsOf(cluster.node(0).disk).map((line) => line.slice(3))).toEqual([
    "0 1 2 3 4 5 6:outgoing 7:promotable",
    "0 1 2 3 4 5 7:promotable",
    "0 1 2 3 4 5 7:incoming",
    "0 1 2 3 4 5 7",
  ]);
});

test("all servers can be replaced: the new ones come first, then the old ones go", () => {
  const cluster = new Cluster(6, {}, 3);
  cluster.elect(0);
  const add = cluster.change(
    0,
    [3, 4, 5].map((id) => ({ type: "addVoter", id, address: "" })),
  );
  cluster.run(2 * HEARTBEAT);
  expect(cluster.outcome(add)).toBe("changed");
  const remove = cluster.change(
    0,
    [0, 1, 2].map((id) => ({ type: "remove", id })),
  );
  cluster.run(2 * HEARTBEAT);
  expect(cluster.outcome(remove)).toBe("changed");
  for (const id of [0, 1, 2]) cluster.crash(id);
  cluster.run(6 * TIMEOUT);
  const leader = cluster.leader() ?? 0;
  expect(leader).toBeGreaterThan(2);
  expect(cluster.members(leader)).toBe("3 4 5");
  const write = cluster.propose(leader, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
});
