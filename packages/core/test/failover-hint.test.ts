import { expect, test } from "vitest";
import { Cluster, TIMING } from "./harness/cluster.ts";
import { appendEntries, preVote, preVoteAnswer, requestVote } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// "The connections over which the leader spoke broke": its process is gone, probably. Nobody has to wait for an election timeout then. The hint may be wrong.

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

const config = { preVote: true };

/** Ticks until the servers that are left have a leader. */
function ticksToLead(cluster: Cluster): number {
  for (let ticks = 0; ticks < 10 * MAX; ticks += 1) {
    if (cluster.leader() !== undefined) return ticks;
    cluster.run(1);
  }
  throw new Error("nobody is elected");
}

/** Server 0, which has just heard from server 1, the leader of term 2. */
function follower(change = {}): Solo {
  const server = new Solo({ log: [1], config: { ...config, ...change } });
  server.receive(appendEntries([1, 1], [], { term: 2 }));
  server.sent();
  return server;
}

function clusterAtRest(size: number): Cluster {
  const cluster = new Cluster(size, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** All others see the connections of `id` break. */
function disconnect(cluster: Cluster, id: number): void {
  for (const node of cluster.nodes) if (node.id !== id) node.step({ type: "disconnected", peer: id });
}

test.each([3, 5, 7])(
  "when the leader's process dies, the others of %i servers have a new one after a few heartbeats",
  (size) => {
    const cluster = clusterAtRest(size);
    cluster.crash(0);
    disconnect(cluster, 0);
    expect(ticksToLead(cluster)).toBeLessThanOrEqual(4 * HEARTBEAT);
  },
);

test("who asks is drawn by lot, anew each time, so that an election is repeated at once if two ask", () => {
  const drawn = new Set<number>();
  for (let seed = 0; seed < 60; seed += 1) {
    const server = follower({ seed });
    server.step({ type: "disconnected", peer: 1 });
    let ticks = 0;
    for (; server.state.role === "follower"; ticks += 1) server.tick();
    drawn.add(ticks);
    const { length } = server.sent();
    expect(length).toBe(2);
  }
  expect([...drawn].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a candidate that is not elected tries again as quickly, as long as the leader counts as gone", () => {
  const server = follower();
  server.step({ type: "disconnected", peer: 1 });
  server.tick(TIMEOUT);
  const rounds = server.sent().filter(({ type, to }) => type === "preVote" && to === 1).length;
  expect(rounds).toBeGreaterThan(2);
});

test("whoever stands, or has given a vote, leaves the election time for two writes at least, and not as much as an election timeout", () => {
  for (let seed = 0; seed < 60; seed += 1) {
    const candidate = follower({ seed });
    candidate.step({ type: "disconnected", peer: 1 });
    while (candidate.state.role === "follower") candidate.tick();
    candidate.receive(
      preVoteAnswer(true, { term: 2, from: 2, sequence: candidate.sent()[0]?.sequence ?? 0 }),
    );
    expect(candidate.state).toMatchObject({ role: "candidate", term: 3 });
    let ticks = 0;
    for (; candidate.state.role === "candidate"; ticks += 1) candidate.tick();
    expect(ticks).toBeGreaterThanOrEqual(2 * HEARTBEAT);
    expect(ticks).toBeLessThanOrEqual(4 * HEARTBEAT);
  }
});

test("a leader that is gone is nobody to be loyal to", () => {
  for (const isGone of [true, false]) {
    const server = follower();
    if (isGone) server.step({ type: "disconnected", peer: 1 });
    expect(server.receive(preVote([1, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: isGone }]);
    expect(server.receive(requestVote([1, 1], { term: 3, from: 2 }))).toMatchObject([
      { voteGranted: isGone },
    ]);
  }
});

test("clients are not sent to it, and reads that wait for its answer are not left waiting", () => {
  const server = follower();
  server.step({ type: "disconnected", peer: 1 });
  server.propose("a", 1);
  server.read(2);
  expect(server.outcomes).toEqual([1, 2].map((id) => ({ type: "notLeader", id, leaderId: null })));
});

test("that somebody else is gone changes nothing", () => {
  const server = follower();
  server.step({ type: "disconnected", peer: 2 });
  server.tick(TIMEOUT - 1);
  expect(server.state).toMatchObject({ role: "follower", leaderId: 1 });
  expect(server.receive(preVote([1, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  const leader = new Solo({ config }).lead();
  leader.step({ type: "disconnected", peer: 1 });
  expect(leader.state).toMatchObject({ role: "leader", term: 1 });
});

test("if the leader speaks again all is forgotten", () => {
  const server = follower({ electionTimeoutTicksMax: 11 });
  server.step({ type: "disconnected", peer: 1 });
  server.receive(appendEntries([1, 1], [], { term: 2 }));
  server.tick(TIMEOUT - 1);
  expect(server.state).toMatchObject({ role: "follower", leaderId: 1 });
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
});

test("a wrong hint, to one server or to all of a majority but one, costs no leadership", () => {
  for (const misled of [[1], [1, 2]]) {
    const cluster = clusterAtRest(5);
    for (let round = 0; round < 10; round += 1) {
      for (const id of misled) cluster.node(id).step({ type: "disconnected", peer: 0 });
      cluster.run(HEARTBEAT + 1);
      expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
    }
  }
});

test("a server that may not stand does not, whoever is gone", () => {
  const server = new Solo({ log: [1], members: { 1: "0:learner 1 2" }, config });
  server.receive(appendEntries([1, 1], [], { term: 2, leaderCommit: 1 }));
  server.step({ type: "disconnected", peer: 1 });
  server.tick(10 * MAX);
  expect(server.state).toMatchObject({ role: "follower", term: 2 });
});

test("after an election timeout the leader is not gone any more, it is silent: timeouts are long again", () => {
  const server = follower();
  server.step({ type: "disconnected", peer: 1 });
  const rounds = [TIMEOUT, MAX, 3 * MAX].map((ticks) => {
    let begun = 0;
    for (let tick = 0; tick < ticks; tick += 1) {
      server.tick();
      const questions = server.sent();
      if (questions.length > 0) begun += 1;
      // Everybody refuses, so that no question is repeated.
      for (const { to, sequence } of questions)
        server.receive(preVoteAnswer(false, { term: 2, from: to, sequence }));
    }
    return begun;
  });
  expect(rounds[0]).toBeGreaterThan(1);
  expect(rounds[2]).toBeLessThanOrEqual(6);
  expect(rounds[2]).toBeGreaterThanOrEqual(3);
});
