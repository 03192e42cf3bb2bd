import type { MemberChange, Message, NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { textOfMembers } from "../harness/members.ts";
import { appendEntries, preVoteAnswer, success, voteAnswer } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

function addVoter(id: NodeId): MemberChange {
  return { type: "addVoter", id, address: `host-${id}` };
}

/** A leader of the voters 0, 1 and 2, in term 2, with `learners`, who has committed everything; its followers answer when told to. */
class Leader {
  readonly solo: Solo;
  readonly #asked = new Map<NodeId, number>();

  constructor(learners = "3:promotable") {
    this.solo = new Solo({ log: [1], members: { 1: `0 1 2 ${learners}` } }).lead();
    for (const peer of [1, 2]) this.hear(peer);
  }

  get members(): string {
    return textOfMembers(this.solo.state.configuration.configuration);
  }

  /** What was sent since the last look. */
  sent(): Message[] {
    const sent = this.solo.sent();
    for (const { to, sequence } of sent) this.#asked.set(to, sequence);
    return sent;
  }

  /** `peer` answers the last request: it holds everything up to `matchIndex`, by default all. */
  hear(peer: NodeId, matchIndex = this.solo.state.lastLogIndex): void {
    this.sent();
    const sequence = this.#asked.get(peer) ?? 1;
    this.solo.node.receive({
      message: success(matchIndex, { term: 2, from: peer, sequence }),
      snapshot: null,
    });
    this.solo.settle();
  }

  /** Time goes on, and the voters hold everything all the time. */
  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      this.solo.tick();
      for (const peer of [1, 2]) this.hear(peer);
    }
  }
}

/** Four servers of which the last waits to be added; the others have been led by 0 for a while. */
function clusterAtRest(size = 4, founders = 3): Cluster {
  const cluster = new Cluster(size, {}, founders);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

// --- the new server joins the cluster as a non-voting member

test("the leader replicates log entries to it, but it is not counted towards majorities for commitment", () => {
  const leader = new Leader("3:learner 4:promotable");
  for (const learner of [3, 4]) leader.hear(learner);
  leader.sent();
  leader.solo.propose("a", 1);
  expect(leader.sent().map(({ to }) => to)).toEqual([1, 2, 3, 4]);
  leader.hear(3);
  leader.hear(4);
  expect(leader.solo.state.commitIndex).toBe(2);
  leader.hear(2);
  expect(leader.solo.state.commitIndex).toBe(3);
});

test("nor towards majorities for voting: it is not asked, and what it says is not counted", () => {
  for (const preVote of [true, false]) {
    const server = new Solo({
      log: [1],
      members: { 1: "0 1 2 3:learner 4:promotable" },
      config: { preVote },
    });
    server.campaign();
    expect(server.sent().map(({ to }) => to)).toEqual([1, 2]);
    const { role, term } = server.state;
    for (const from of [3, 4]) {
      const consent = preVoteAnswer(true, { term, from, sequence: server.lastQuestion });
      server.receive(consent, voteAnswer(true, { term, from }));
    }
    expect(server.state.role).toBe(role);
  }
});

test("nor for reads, nor for whether the leader is cut off", () => {
  const leader = new Leader();
  leader.solo.read(1);
  leader.hear(3);
  expect(leader.solo.outcomes).toEqual([]);
  for (let tick = 0; tick < TIMEOUT; tick += 1) {
    leader.solo.tick();
    leader.hear(3);
  }
  expect(leader.solo.state.role).toBe("follower");
});

test.each(["0:learner 1 2", "0:promotable 1 2"])("it does not stand for election: %s", (members) => {
  const server = new Solo({ log: [1], members: { 1: members } });
  server.receive(appendEntries([1, 1], [], { term: 1, leaderCommit: 1 }));
  server.tick(50 * TIMEOUT);
  expect(server.state).toMatchObject({ role: "follower", term: 1 });
});

test("its absence keeps nobody waiting", () => {
  const cluster = clusterAtRest();
  cluster.crash(3);
  const change = cluster.change(0, [addVoter(3)]);
  const write = cluster.propose(0, "a");
  cluster.run(5 * TIMEOUT);
  expect(cluster.outcome(write)).toBe("committed");
  expect(cluster.outcome(change)).toBeUndefined();
  expect(cluster.members(0)).toBe("0 1 2 3:promotable");
  cluster.restart(3);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(3)).toBe("0 1 2 3");
  expect(cluster.applied(3)).toEqual(["a"]);
});

// --- replication of entries to the new server is split into rounds

test("each round replicates the entries in the leader's log at its start; if it lasts less than an election timeout, the server has caught up", () => {
  const leader = new Leader();
  const goal = leader.solo.state.lastLogIndex;
  leader.run(TIMEOUT - 3);
  // More has arrived since: the round is about what was there when it began.
  leader.solo.propose("a", 1);
  leader.hear(1);
  leader.hear(3, goal - 1);
  leader.run(1);
  expect(leader.members).toBe("0 1 2 3:promotable");
  leader.hear(3, goal);
  leader.solo.tick();
  expect(leader.members).toBe("0 1 2 3:incoming");
});

test("a server that takes an election timeout for a round begins another one, however many it takes", () => {
  const leader = new Leader();
  for (let round = 0; round < 5; round += 1) {
    const goal = leader.solo.state.lastLogIndex;
    // While one round lasts the next one grows.
    leader.solo.propose("more", round);
    leader.run(TIMEOUT);
    leader.hear(3, goal);
    leader.run(1);
    expect(leader.members).toBe("0 1 2 3:promotable");
  }
  leader.run(TIMEOUT - 2);
  leader.hear(3);
  leader.run(1);
  expect(leader.members).toBe("0 1 2 3");
});

test("a server that had caught up and fell behind before it could be promoted has to catch up again", () => {
  const leader = new Leader();
  // 1. Another change is under way, and its entry does not get through.
  leader.solo.change([{ type: "setAddress", id: 1, address: "elsewhere" }], null, 1);
  leader.solo.sent();
  for (let tick = 0; tick < 3; tick += 1) {
    leader.solo.tick();
    leader.hear(3);
  }
  // 2. Server 3 goes away, and there is more to be had.
  leader.solo.propose("a", 2);
  for (let tick = 0; tick <= TIMEOUT; tick += 1) {
    leader.solo.tick();
    leader.hear(1, 2);
    leader.hear(2, 2);
  }
  // 3. Now the change is done.
  leader.run(1);
  expect(leader.solo.outcomes).toMatchObject([{ type: "changed", id: 1 }, { type: "committed" }]);
  expect(leader.members).toBe("0 1 2 3:promotable");
  leader.hear(3);
  leader.run(1);
  leader.hear(3);
  leader.run(1);
  expect(leader.members).toBe("0 1 2 3");
});

test("a server that has everything and is not there any more is not promoted", () => {
  const leader = new Leader();
  leader.solo.change([{ type: "setAddress", id: 1, address: "elsewhere" }], null, 1);
  leader.hear(3);
  for (let tick = 0; tick <= TIMEOUT; tick += 1) {
    leader.solo.tick();
    leader.hear(1, 2);
    leader.hear(2, 2);
  }
  leader.run(1);
  expect(leader.members).toBe("0 1 2 3:promotable");
});

test("a server whose disk is replaced while it catches up begins again", () => {
  const leader = new Leader("3@old:promotable");
  leader.solo.change([{ type: "setAddress", id: 1, address: "elsewhere" }], null, 1);
  leader.hear(3);
  leader.solo.tick();
  // It has caught up, but the change is not done. Now it is, and in the same breath the disk is gone.
  leader.solo.step({ type: "identified", peer: 3, incarnation: "new" });
  leader.run(1);
  leader.run(1);
  expect(leader.members).toBe("0 1 2 3@new:promotable");
  // What the old disk confirms, late, is not what the new one holds.
  leader.run(3 * TIMEOUT);
  expect(leader.members).toBe("0 1 2 3@new:promotable");
});

test("if the log is compacted it gets a snapshot first", () => {
  const cluster = new Cluster(4, { retainedBytes: 0 }, 3);
  cluster.elect(0);
  const texts = ["a", "b", "c", "d"];
  for (const text of texts) cluster.propose(0, text);
  cluster.run(HEARTBEAT);
  cluster.compact(0);
  const change = cluster.change(0, [addVoter(3)]);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.node(3).disk.snapshotIndex).toBe(5);
  expect(cluster.applied(3)).toEqual(texts);
});

// --- then it becomes a voter by itself

test("the request is done when the server is a voter", () => {
  const cluster = clusterAtRest();
  const slow = cluster.hold(({ type, to }) => type === "appendEntries" && to === 3);
  const change = cluster.change(0, [addVoter(3)]);
  cluster.settle();
  expect(cluster.members(1)).toBe("0 1 2 3:promotable");
  expect(cluster.outcome(change)).toBeUndefined();
  slow();
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(0)).toBe("0 1 2 3");
  cluster.run(HEARTBEAT);
  // It counts: of four servers, two are no majority.
  cluster.isolate(0, 1);
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBeUndefined();
});

test("a learner stays one until somebody asks for more", () => {
  const cluster = clusterAtRest();
  const add = cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(add)).toBe("changed");
  expect(cluster.members(0)).toBe("0 1 2 3:learner");
  const promote = cluster.change(0, [{ type: "promote", id: 3 }]);
  cluster.settle();
  expect(cluster.outcome(promote)).toBeUndefined();
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(promote)).toBe("changed");
  expect(cluster.members(0)).toBe("0 1 2 3");
});

test("servers that have caught up together become voters together, and a request for several waits for the last one", () => {
  const cluster = clusterAtRest(6);
  cluster.crash(5);
  const change = cluster.change(0, [addVoter(3), addVoter(4), addVoter(5)]);
  cluster.run(TIMEOUT);
  expect(cluster.members(0)).toBe("0 1 2 3 4 5:promotable");
  const { entries } = cluster.node(0).disk;
  const steps = entries.flatMap(({ configuration }) => (configuration ? [textOfMembers(configuration)] : []));
  expect(steps.slice(1)).toEqual(["0 1 2 3:incoming 4:incoming 5:promotable", "0 1 2 3 4 5:promotable"]);
  expect(cluster.outcome(change)).toBeUndefined();
  cluster.restart(5);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(change)).toBe("changed");
});

test("one server grows to three", () => {
  const cluster = new Cluster(3, {}, 1);
  cluster.run(1);
  const write = cluster.propose(0, "a");
  for (const id of [1, 2]) {
    const change = cluster.change(0, [addVoter(id)]);
    cluster.run(2 * HEARTBEAT);
    expect(cluster.outcome(change)).toBe("changed");
  }
  expect(cluster.outcome(write)).toBe("committed");
  cluster.run(HEARTBEAT);
  cluster.crash(0);
  cluster.run(4 * TIMEOUT);
  const leader = cluster.leader() ?? 0;
  expect(leader).toBeGreaterThan(0);
  expect(cluster.applied(leader)).toEqual(["a"]);
});

test("other changes are taken while a server catches up", () => {
  const cluster = clusterAtRest(5);
  cluster.crash(3);
  const slow = cluster.change(0, [addVoter(3)]);
  cluster.settle();
  const quick = cluster.change(0, [addVoter(4)]);
  cluster.run(2 * HEARTBEAT);
  expect([slow, quick].map((request) => cluster.outcome(request))).toEqual([undefined, "changed"]);
  expect(cluster.members(0)).toBe("0 1 2 3:promotable 4");
});

test.each<[what: string, change: MemberChange, after: string]>([
  ["removed", { type: "remove", id: 3 }, "0 1 2"],
  ["demoted", { type: "demote", id: 3 }, "0 1 2 3:learner"],
])(
  "a request whose server is %s before it has caught up is answered, and the other one is done",
  (_what, change, after) => {
    const leader = new Leader("4:learner");
    leader.solo.change([addVoter(3)], null, 1);
    leader.run(1);
    leader.solo.change([change], null, 2);
    leader.run(1);
    expect(leader.members.replace(" 4:learner", "")).toBe(after);
    expect(leader.solo.outcomes).toMatchObject([
      { type: "refused", id: 1, reason: "server 3 was removed or demoted before it had caught up" },
      { type: "changed", id: 2 },
    ]);
  },
);

test("that a server is to become a voter outlasts the leader that was asked", () => {
  const cluster = clusterAtRest();
  cluster.crash(3);
  const change = cluster.change(0, [addVoter(3)]);
  cluster.settle();
  cluster.elect(1);
  expect(cluster.outcome(change)).toBe("unknown");
  cluster.run(TIMEOUT);
  expect(cluster.members(1)).toBe("0 1 2 3:promotable");
  cluster.restart(3);
  cluster.run(TIMEOUT);
  expect(cluster.members(cluster.leader() ?? -1)).toBe("0 1 2 3");
});
