import type { NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, requestVote, success, timeoutNow } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

/** Three servers that have been at rest for a while, led by server 0. */
function clusterAtRest(preVote = false): Cluster {
  const cluster = new Cluster(3, { preVote });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** A leader of three whose followers hold its opening entry. */
function settledLeader(): Solo {
  const leader = new Solo().lead();
  const { sequence } = leader.lastAppend();
  for (const from of [1, 2]) leader.receive(success(1, { term: 1, from, sequence }));
  leader.sent();
  return leader;
}

test("the prior leader stops accepting client requests, and other requests that would prolong it", () => {
  const cluster = clusterAtRest();
  cluster.block(({ type }) => type === "timeoutNow");
  cluster.transfer(0, 1);
  const refused = [
    cluster.propose(0, "late"),
    cluster.change(0, [{ type: "remove", id: 2 }]),
    cluster.transfer(0, 2),
  ];
  for (const request of refused) expect(cluster.outcome(request)).toBe("transferring");
  cluster.settle();
  expect(cluster.state(0).lastLogIndex).toBe(1);
});

test("it serves linearizable reads meanwhile: they end when it has been replaced", () => {
  const cluster = clusterAtRest();
  cluster.block(({ type }) => type === "timeoutNow");
  cluster.transfer(0, 1);
  const read = cluster.read(0);
  cluster.settle();
  expect(cluster.outcome(read)).toBe("readable");
});

test("the prior leader fully updates the target's log before it asks it to stand", () => {
  const cluster = clusterAtRest();
  const catchUp = cluster.hold(({ type, to }) => type === "appendEntries" && to === 1);
  const written = ["a", "b"].map((text) => cluster.propose(0, text));
  const transfer = cluster.transfer(0, 1);
  cluster.run(HEARTBEAT);
  expect(cluster.network.parcels.filter(({ message }) => message.type === "timeoutNow")).toEqual([]);
  expect(cluster.state(0).role).toBe("leader");
  catchUp();
  cluster.settle();
  expect(cluster.leader()).toBe(1);
  expect(cluster.outcome(transfer)).toBe("transferred");
  // What was taken before is done.
  expect(written.map((request) => cluster.outcome(request))).toEqual(["committed", "committed"]);
});

test("what the target holds must be on its disk: what it could forget makes nobody leader", () => {
  const cluster = clusterAtRest();
  const resume = cluster.stallDisk(1);
  cluster.propose(0, "a");
  cluster.transfer(0, 1);
  cluster.run(HEARTBEAT);
  expect(cluster.node(1).disk.isBusy).toBe(true);
  expect(cluster.state(1).term).toBe(1);
  resume();
  cluster.settle();
  expect(cluster.leader()).toBe(1);
});

test.each([false, true])(
  "the request has the effect of the election timer firing: no question is asked first, and the others vote although they hear a leader (pre-vote: %s)",
  (preVote) => {
    const cluster = clusterAtRest(preVote);
    const seen: string[] = [];
    cluster.block(({ type, from }) => {
      if (from === 1) seen.push(type);
      return false;
    });
    const transfer = cluster.transfer(0, 1);
    cluster.settle();
    expect(seen.slice(0, 2)).toEqual(["requestVote", "requestVote"]);
    expect(cluster.state(1)).toMatchObject({ role: "leader", term: 2 });
    expect(cluster.outcome(transfer)).toBe("transferred");
    const write = cluster.propose(1, "next");
    cluster.settle();
    expect(cluster.outcome(write)).toBe("committed");
  },
);

test("its next message to the prior leader causes that to step down; the transfer is complete", () => {
  const leader = settledLeader();
  leader.transfer(1, 5);
  expect(leader.sent()).toMatchObject([{ type: "timeoutNow", to: 1, term: 1 }]);
  expect(leader.outcomes).toEqual([]);
  leader.receive(requestVote([1, 1], { term: 2, leadershipTransfer: true }));
  expect(leader.state).toMatchObject({ role: "follower", term: 2, votedFor: 1 });
  expect(leader.outcomes).toEqual([{ type: "transferred", id: 5 }]);
});

test("if it does not complete after an election timeout, the leader goes on and takes requests again", () => {
  const leader = settledLeader();
  const hear = (): void => {
    const sequence = leader.appends().at(-1)?.sequence ?? 1;
    for (const from of [1, 2]) leader.receive(success(1, { term: 1, from, sequence }));
  };
  leader.transfer(1, 5);
  for (let tick = 1; tick < TIMEOUT; tick += 1) {
    leader.tick();
    hear();
  }
  leader.propose("late", 6);
  expect(leader.outcomes).toEqual([{ type: "transferring", id: 6 }]);
  leader.tick();
  hear();
  expect(leader.outcomes.slice(1)).toEqual([
    { type: "transferFailed", id: 5, reason: "server 1 did not take over in time" },
  ]);
  leader.propose("again", 7);
  expect(leader.appends()).toMatchObject([{ entries: [{ index: 2 }] }]);
  // It asks once: a request repeated for ever would end a leadership that everybody is content with.
  leader.tick(TIMEOUT - 1);
  expect(leader.sent().filter(({ type }) => type === "timeoutNow")).toEqual([]);
});

test("a target that cannot be reached costs an election timeout, and no election", () => {
  const cluster = clusterAtRest();
  cluster.crash(1);
  const transfer = cluster.transfer(0, 1);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(transfer)).toBe("transferFailed");
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
});

test("a target that lags behind for an election timeout is not asked, then or later", () => {
  const cluster = clusterAtRest();
  const lag = cluster.block(({ type, to }) => type === "appendEntries" && to === 1);
  cluster.propose(0, "a");
  const transfer = cluster.transfer(0, 1);
  cluster.run(TIMEOUT, [0, 2]);
  expect(cluster.outcome(transfer)).toBe("transferFailed");
  lag();
  cluster.run(2 * TIMEOUT, [0, 2]);
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
});

test("if the leader was mistaken and the target gets the request after all, that is one more election at worst", () => {
  const cluster = clusterAtRest(true);
  const late = cluster.hold(({ type }) => type === "timeoutNow");
  const transfer = cluster.transfer(0, 1);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(transfer)).toBe("transferFailed");
  const write = cluster.propose(0, "after");
  cluster.settle();
  late();
  cluster.run(2 * TIMEOUT);
  expect(cluster.leader()).toBe(1);
  expect(cluster.outcome(write)).toBe("committed");
  expect(cluster.applied(1)).toEqual(["after"]);
});

test.each<[who: string, to: NodeId | null, members: string, reason: string]>([
  ["itself", 0, "0 1 2", "this server leads already"],
  ["a stranger", 9, "0 1 2", "server 9 is not a voter"],
  ["a learner", 2, "0 1 2:learner", "server 2 is not a voter"],
  ["a learner that is to become a voter", 2, "0 1 2:promotable", "server 2 is not a voter"],
  ["a voter that is on its way out", 2, "0 1 2:outgoing", "server 2 is not a voter"],
  ["a voter that is to become a learner", 2, "0 1 2:demoted", "server 2 is not a voter"],
  ["a voter without its disk", 2, "0 1 2:rejoining", "server 2 is not a voter"],
  ["whom it likes, of nobody", null, "0", "no other voter can be reached"],
  ["whom it likes, of learners", null, "0 1:learner", "no other voter can be reached"],
])("it is not handed to %s", (_who, to, members, reason) => {
  const leader = new Solo({ log: [1], members: { 1: members } }).lead();
  leader.transfer(to);
  expect(leader.outcomes).toEqual([{ type: "transferFailed", id: 1, reason }]);
  expect(leader.sent().filter(({ type }) => type === "timeoutNow")).toEqual([]);
  // Nothing is left of it: requests are taken.
  leader.propose("a", 2);
  expect(leader.outcomes.filter(({ type }) => type === "transferring")).toEqual([]);
});

test("a voter that is just coming in may be the one", () => {
  const leader = new Solo({ log: [1], members: { 1: "0 1 2:incoming" } }).lead();
  leader.transfer(2);
  const sent = leader.receive(success(2, { term: 2, from: 2, sequence: leader.lastAppend(2).sequence }));
  expect(sent.filter(({ type }) => type === "timeoutNow")).toMatchObject([{ to: 2 }]);
});

test("without a wish it chooses who is alive and has most, and of equals the lowest id", () => {
  expect(chosen([1, 3, 2, 1])).toBe(2);
  expect(chosen([1, 2, 2, 1])).toBe(2);
  // Servers that have not been heard of are not asked, whatever may be thought of their logs.
  expect(chosen([-1, -1, -1, 1])).toBe(4);
  expect(chosen([-1, -1, -1, 0])).toBe(4);
});

test("nobody who has been silent for an election timeout is chosen", () => {
  const leader = settledLeader();
  for (let tick = 0; tick < TIMEOUT; tick += 1) {
    leader.tick();
    leader.receive(success(1, { term: 1, from: 2, sequence: leader.state.term + 100 + tick }));
  }
  leader.sent();
  leader.transfer(null);
  expect(leader.sent()).toMatchObject([{ type: "timeoutNow", to: 2 }]);
});

test("followers do not hand over what they do not have", () => {
  const cluster = clusterAtRest();
  expect(cluster.outcome(cluster.transfer(1, 2))).toBe("notLeader");
  expect(cluster.state(0).role).toBe("leader");
});

test.each<[what: string, server: () => Solo]>([
  ["of an earlier term", () => followerOf(1, "0 1 2", 3)],
  ["from somebody who does not lead", () => followerOf(2, "0 1 2")],
  ["with no leader known", () => new Solo({ log: [1], term: 2 })],
  ["that finds a learner", () => followerOf(1, "0:learner 1 2")],
  ["that finds a server to be promoted", () => followerOf(1, "0:promotable 1 2")],
  ["that finds a server without its disk", () => followerOf(1, "0:rejoining 1 2")],
  ["that finds a server which is no member", () => followerOf(1, "1 2")],
])("a request to stand %s is ignored", (_what, server) => {
  const target = server();
  const before = target.state;
  target.sent();
  expect(target.receive(timeoutNow({ term: 2 }))).toEqual([]);
  expect(target.state).toEqual(before);
});

test("a request to stand that comes to one which leads already, or stands already, changes nothing", () => {
  const leader = settledLeader();
  expect(leader.receive(timeoutNow({ term: 1 }))).toEqual([]);
  expect(leader.state).toMatchObject({ role: "leader", term: 1 });
  const candidate = new Solo({ term: 1 });
  candidate.campaign();
  candidate.sent();
  expect(candidate.receive(timeoutNow({ term: 2 }))).toEqual([]);
  expect(candidate.state).toMatchObject({ role: "candidate", term: 2 });
});

test("a server that was just asking whether it would win is told so by the leader itself, and stands", () => {
  const server = followerOf(1, "0 1 2");
  server.campaign();
  expect(server.state).toMatchObject({ role: "preCandidate", term: 2 });
  server.sent();
  const asked = server.receive(timeoutNow({ term: 2 }));
  expect(asked).toMatchObject([{ type: "requestVote", term: 3, leadershipTransfer: true }, { to: 2 }]);
});

test("a transfer under way when the leader loses its leadership otherwise is answered all the same", () => {
  const cluster = clusterAtRest();
  cluster.block(({ type }) => type === "timeoutNow");
  const transfer = cluster.transfer(0, 1);
  cluster.elect(2);
  expect(cluster.state(0).role).toBe("follower");
  expect(cluster.outcome(transfer)).toBe("transferred");
});

test("a change of members under way is brought to its end meanwhile, and the target waits for that entry, too", () => {
  const cluster = clusterAtRest();
  const change = cluster.change(0, [{ type: "remove", id: 2 }]);
  const transfer = cluster.transfer(0, 1);
  cluster.settle();
  cluster.run(HEARTBEAT);
  expect(cluster.leader()).toBe(1);
  expect(cluster.outcome(transfer)).toBe("transferred");
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(1)).toBe("0 1");
});

/** Server 0 that has heard from leader `leader` of term `term`. */
function followerOf(leader: NodeId, members: string, term = 2): Solo {
  const server = new Solo({ log: [1], members: { 1: members }, config: { preVote: true } });
  server.receive(appendEntries([1, 1], [], { term, from: leader, leaderCommit: 1 }));
  return server;
}

/** Whom a leader of five chooses that knows of matchIndex `matched` of servers 1 to 4, and of those with -1 nothing. */
function chosen(matched: readonly number[]): NodeId | undefined {
  const leader = new Solo({ size: 5 }).lead();
  leader.propose("a", 1);
  leader.propose("b", 2);
  const { sequence } = leader.lastAppend();
  for (const [at, matchIndex] of matched.entries()) {
    if (matchIndex < 0) continue;
    leader.receive(success(matchIndex, { term: 1, from: at + 1, sequence }));
  }
  leader.transfer(null, 3);
  const answers = [1, 2, 3, 4].map((from) => success(3, { term: 1, from, sequence: sequence + 50 }));
  const sent = [...leader.sent(), ...leader.receive(...answers)];
  return sent.find(({ type }) => type === "timeoutNow")?.to;
}
