import type { Message, NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { configurationsOf, textOfMembers } from "../harness/members.ts";
import { preVoteAnswer, success, voteAnswer } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

/** From three servers to five others, but for server 0: of old voters 0, 1, 2, of new ones 0, 3, 4, 5, 6. */
const JOINT = "0 1:outgoing 2:outgoing 3:incoming 4:incoming 5:incoming 6:incoming";

/** Sets of servers that are, with server 0, a majority of only one half, and one that is of both. */
const DECISIONS: [voters: NodeId[], isEnough: boolean][] = [
  [[1, 2], false],
  [[3, 4, 5, 6], false],
  [[1, 2, 3], false],
  [[1, 3], false],
  [[1, 3, 4], true],
];

function jointServer(config = {}): Solo {
  return new Solo({ log: [1], members: { 1: JOINT }, config });
}

// --- agreement requires separate majorities from both the old and new configurations

test.each(DECISIONS)(
  "for elections: the votes of %j besides one's own are enough: %s",
  (voters, isEnough) => {
    const server = jointServer();
    server.campaign();
    const { term } = server.state;
    for (const from of voters) server.receive(voteAnswer(true, { term, from }));
    expect(server.state.role).toBe(isEnough ? "leader" : "candidate");
  },
);

test.each(DECISIONS)("for the question before it: the consent of %j is enough: %s", (voters, isEnough) => {
  const server = jointServer({ preVote: true });
  server.campaign();
  const sequence = server.lastQuestion;
  for (const from of voters) server.receive(preVoteAnswer(true, { term: 1, from, sequence }));
  expect(server.state.role).toBe(isEnough ? "candidate" : "preCandidate");
});

test.each(DECISIONS)(
  "for entry commitment: copies on %j besides one's own are enough: %s",
  (holders, isEnough) => {
    const leader = jointServer().lead();
    const { sequence } = leader.lastAppend();
    for (const from of holders) leader.receive(success(2, { term: 2, from, sequence }));
    expect(leader.state.commitIndex).toBe(isEnough ? 2 : 0);
  },
);

test("once it is committed the leader creates the new configuration, whose own majority is all that counts from there on", () => {
  const leader = jointServer().lead();
  expect(leader.state.configuration.index).toBe(1);
  const { sequence } = leader.lastAppend();
  for (const from of [1, 3, 4]) leader.receive(success(2, { term: 2, from, sequence }));
  expect(leader.state.commitIndex).toBe(2);
  expect(textOfMembers(leader.state.configuration.configuration)).toBe("0 3 4 5 6");
  expect(leader.state.configuration.index).toBe(3);
  // Old voters still hear of it, for a while, and count for nothing.
  leader.tick(HEARTBEAT);
  expect(new Set(leader.sent().map(({ to }) => to))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  for (const from of [1, 2]) leader.receive(success(3, { term: 2, from, sequence: 1000 }));
  expect(leader.state.commitIndex).toBe(2);
  const answers = [3, 4].map((from) => success(3, { term: 2, from, sequence: 1000 }));
  leader.receive(...answers.slice(0, 1));
  expect(leader.state.commitIndex).toBe(2);
  leader.receive(...answers.slice(1));
  expect(leader.state.commitIndex).toBe(3);
});

/** `peers` answer what the leader sends, and hold nothing of it: so nothing is committed, and it stays joint. */
function hears(leader: Solo, peers: readonly NodeId[]): void {
  const sequence = leader.sent().findLast(isAppend)?.sequence ?? 1;
  for (const from of peers) leader.receive(success(0, { term: 2, from, sequence }));
}

function isAppend({ type }: Message): boolean {
  return type === "appendEntries";
}

test.each(DECISIONS)(
  "for staying leader: an election timeout in which only %j answer is survived: %s",
  (voters, isEnough) => {
    const leader = jointServer().lead();
    for (let tick = 0; tick < 2 * TIMEOUT && leader.state.role === "leader"; tick += 1) {
      leader.tick();
      hears(leader, voters);
    }
    expect(leader.state.role).toBe(isEnough ? "leader" : "follower");
  },
);

test("for reads: until both majorities have answered none is served", () => {
  const cluster = new Cluster(4, {}, 3);
  cluster.elect(0);
  cluster.change(0, [{ type: "addVoter", id: 3, address: "" }]);
  cluster.run(HEARTBEAT);
  // Voters are 0 to 3 now. Two of them are to go; the joint configuration is in force and cannot be committed.
  cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  cluster.change(0, [
    { type: "remove", id: 1 },
    { type: "remove", id: 2 },
  ]);
  cluster.settle();
  expect(cluster.members(0)).toBe("0 1:outgoing 2:outgoing 3");
  const read = cluster.read(0);
  cluster.settle();
  const answer = (from: NodeId): void => {
    cluster.network.parcels = cluster.network.parcels.filter((parcel) => {
      if (parcel.message.from !== from) return true;
      cluster.node(0).receive(parcel);
      return false;
    });
  };
  // A majority of the old ones, with the leader; not of the new ones, 0 and 3.
  answer(1);
  answer(2);
  expect(cluster.outcome(read)).toBeUndefined();
  answer(3);
  expect(cluster.outcome(read)).toBe("readable");
});

// --- from the old configuration to the new one

test("voters change by a joint configuration and, when that is committed, the new one: no more entries, no fewer", () => {
  const cluster = new Cluster(5);
  cluster.elect(0);
  const change = cluster.change(0, [
    { type: "remove", id: 3 },
    { type: "demote", id: 4 },
  ]);
  cluster.run(3 * TIMEOUT, [0, 1, 2]);
  expect(cluster.outcome(change)).toBe("changed");
  expect(configurationsOf(cluster.node(0).disk)).toEqual([
    "2: 0 1 2 3:outgoing 4:demoted",
    "3: 0 1 2 4:learner",
  ]);
});

test("the new configuration is not created before the joint one is committed", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const cut = cluster.block(({ type }) => type === "appendEntriesResponse");
  cluster.change(0, [{ type: "remove", id: 2 }]);
  cluster.run(HEARTBEAT);
  expect(configurationsOf(cluster.node(0).disk)).toEqual(["2: 0 1 2:outgoing"]);
  cut();
  cluster.run(HEARTBEAT);
  expect(configurationsOf(cluster.node(0).disk)).toEqual(["2: 0 1 2:outgoing", "3: 0 1"]);
});

test("log entries are replicated to all servers of both configurations, and committed while it lasts", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const hold = cluster.hold(({ type, from }) => type === "appendEntriesResponse" && from === 1);
  cluster.change(0, [{ type: "remove", id: 2 }]);
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.members(0)).toBe("0 1 2:outgoing");
  expect(cluster.node(2).disk.lastIndex).toBe(3);
  hold();
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
});

test.each([0, 1, 2, 3])("any server from either configuration may serve as leader: server %i", (id) => {
  const cluster = new Cluster(4, {}, 3);
  cluster.elect(0);
  cluster.change(0, [{ type: "addVoter", id: 3, address: "" }]);
  cluster.run(1);
  const stop = cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  cluster.run(1);
  expect(cluster.members(0)).toBe("0 1 2 3:incoming");
  for (const other of cluster.ids) {
    cluster.crash(other);
    cluster.restart(other);
  }
  stop();
  cluster.elect(id);
  cluster.run(3 * HEARTBEAT, [id]);
  expect(configurationsOf(cluster.node(id).disk).at(-1)).toMatch(/: 0 1 2 3$/);
  expect(cluster.state(id).commitIndex).toBe(cluster.state(id).lastLogIndex);
});

test("neither half can decide anything without the other, wherever the entry of the joint configuration has got to", () => {
  const cluster = new Cluster(5);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // 1. Leader 0 wants to be alone with 1, and only 1 hears of it.
  const apart = cluster.isolate(0, 1);
  const change = cluster.change(
    0,
    [2, 3, 4].map((id) => ({ type: "remove", id })),
  );
  const write = cluster.propose(0, "alone");
  cluster.settle();
  expect(cluster.members(1)).toBe("0 1 2:outgoing 3:outgoing 4:outgoing");
  // 2. By the new half it would be committed. By the old one, two of five, it is not.
  expect([change, write].map((request) => cluster.outcome(request))).toEqual([undefined, undefined]);
  // 3. The others, who do not know of it, elect a leader by their own majority; it overrules the change.
  cluster.elect(2);
  const other = cluster.propose(2, "others");
  cluster.settle();
  expect(cluster.outcome(other)).toBe("committed");
  apart();
  cluster.run(3 * HEARTBEAT, [2]);
  expect([change, write].map((request) => cluster.outcome(request))).toEqual(["unknown", "unknown"]);
  for (const id of cluster.ids) {
    expect(cluster.members(id)).toBe("0 1 2 3 4");
    expect(cluster.applied(id)).toEqual(["others"]);
  }
});

test("if the leader crashes, whoever has the joint configuration brings it to its end, without being asked again", () => {
  const cluster = new Cluster(5);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 0);
  const change = cluster.change(0, [{ type: "remove", id: 4 }]);
  cluster.settle();
  cluster.crash(0);
  cluster.elect(1);
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(change)).toBeUndefined();
  expect(configurationsOf(cluster.node(1).disk)).toEqual(["2: 0 1 2 3 4:outgoing", "4: 0 1 2 3"]);
});

test("a joint configuration that only a snapshot holds is in force again when the new one is truncated, and after restarts", () => {
  const cluster = new Cluster(6, { retainedBytes: 0 });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // 1. The joint configuration, entry 2, is committed. The new one, entry 3, reaches server 1 only, which compacts what it has applied.
  cluster.block(
    (message) => message.type === "appendEntries" && message.to !== 1 && message.entries.at(-1)?.index === 3,
  );
  cluster.change(0, [{ type: "remove", id: 5 }]);
  cluster.settle();
  cluster.compact(1);
  cluster.crash(0);
  cluster.crash(1);
  expect(cluster.node(1).disk.snapshotIndex).toBe(2);
  cluster.restart(1);
  expect(cluster.members(1)).toBe("0 1 2 3 4");
  // 2. Server 2, elected without either of them, has another entry 3.
  cluster.network.heal();
  const answers = cluster.hold(({ type, to }) => type === "appendEntriesResponse" && to === 2);
  cluster.elect(2);
  for (let life = 0; life < 2; life += 1) {
    expect(cluster.members(1)).toBe("0 1 2 3 4 5:outgoing");
    cluster.crash(1);
    cluster.restart(1);
  }
  // 3. It knows that the joint configuration is not the last word.
  answers();
  cluster.run(2 * HEARTBEAT, [1, 2, 3, 4, 5]);
  expect(configurationsOf(cluster.node(2).disk)).toEqual(["2: 0 1 2 3 4 5:outgoing", "4: 0 1 2 3 4"]);
  expect(cluster.members(1)).toBe("0 1 2 3 4");
});

test("learners come and go without it", () => {
  const cluster = new Cluster(4, {}, 3);
  cluster.elect(0);
  cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.settle();
  cluster.change(0, [{ type: "remove", id: 3 }]);
  cluster.settle();
  expect(configurationsOf(cluster.node(0).disk)).toEqual(["2: 0 1 2 3:learner", "3: 0 1 2"]);
});
