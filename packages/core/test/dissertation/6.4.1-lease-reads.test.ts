import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { Dice } from "../harness/dice.ts";
import { appendEntries, preVote, preVoteAnswer, requestVote, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

/** Where a tick is a unit of time: a little less than the shortest election timeout. */
const LEASE = 8;

const config = { preVote: true, leaseDuration: LEASE };

/** A leader whose requests are answered when the test says so. Its clock reads 100 at first. */
class Leader {
  readonly solo: Solo;

  constructor(setup: ConstructorParameters<typeof Solo>[0] = {}) {
    this.solo = new Solo({ config, ...setup });
    this.clock(100);
    this.solo.lead();
  }

  /** The clock reads `now` from here on. */
  clock(now: number): void {
    this.solo.step({ type: "time", now });
  }

  /** `peers` confirm the last thing that was sent to server 1. Returns what is sent then. */
  hear(...peers: readonly number[]): void {
    this.#answer(this.solo.lastAppend().sequence, peers);
  }

  /** Sends heartbeats at `now`. Returns what confirms them. */
  heartbeat(now: number): (...peers: readonly number[]) => void {
    this.clock(now);
    this.solo.tick(HEARTBEAT);
    const { sequence } = this.solo.lastAppend();
    return (...peers) => this.#answer(sequence, peers);
  }

  /** Whether a read with a lease is served at `now` without anything being sent. */
  reads(now: number): boolean {
    this.clock(now);
    this.solo.sent();
    this.solo.outcomes = [];
    this.solo.step({ type: "read", id: 1, consistency: "lease" });
    const isServed = this.solo.outcomes.some(({ type }) => type === "readable");
    if (this.solo.sent().length > 0 === isServed)
      throw new Error("it asks although it knows, or the reverse");
    return isServed;
  }

  #answer(sequence: number, peers: readonly number[]): void {
    const { term, lastLogIndex } = this.solo.state;
    for (const from of peers) this.solo.receive(success(lastLogIndex, { term, from, sequence }));
  }
}

// --- the leader uses the normal heartbeat mechanism to maintain a lease

test("once its heartbeats were acknowledged by a majority it serves reads without communication, from when they were sent", () => {
  const leader = new Leader();
  leader.hear(1);
  const answer = leader.heartbeat(200);
  // The answers take their time; the followers' promise began, for all the leader knows, when it asked.
  leader.clock(205);
  answer(1);
  expect(leader.reads(205)).toBe(true);
  expect(leader.reads(200 + LEASE - 1)).toBe(true);
  expect(leader.reads(200 + LEASE)).toBe(false);
});

test("a majority has to answer: of five servers two others, learners not counted", () => {
  const leader = new Leader({ log: [1], members: { 1: "0 1 2 3 4 5:learner 6:promotable" } });
  leader.hear(1, 2);
  const answer = leader.heartbeat(200);
  answer(1, 5, 6);
  expect(leader.reads(201)).toBe(false);
  answer(4);
  expect(leader.reads(201)).toBe(true);
});

test("while the configuration is joint both majorities have to answer", () => {
  const leader = new Leader({ log: [1], members: { 1: "0 1 2" } });
  leader.hear(1, 2);
  leader.solo.change([{ type: "remove", id: 2 }]);
  leader.heartbeat(200)(2);
  expect(leader.reads(201)).toBe(false);
});

test("each round of answers extends it, an old one does not shorten it", () => {
  const leader = new Leader();
  leader.hear(1);
  const [first, second] = [leader.heartbeat(200), leader.heartbeat(203)];
  second(1);
  first(2);
  expect(leader.reads(203 + LEASE - 1)).toBe(true);
  expect(leader.reads(203 + LEASE)).toBe(false);
});

test("what was sent before and is answered now counts from when it was sent", () => {
  const leader = new Leader();
  leader.hear(1);
  const [first] = [leader.heartbeat(200), leader.heartbeat(203)];
  first(1);
  expect(leader.reads(200 + LEASE - 1)).toBe(true);
  expect(leader.reads(200 + LEASE)).toBe(false);
});

test("a single server needs nobody", () => {
  const solo = new Solo({ size: 1, config });
  solo.tick();
  solo.step({ type: "read", id: 1, consistency: "lease" });
  expect(solo.outcomes).toEqual([{ type: "readable", id: 1, index: 1 }]);
});

// --- when there is none

test("no lease tells what is committed: a new leader has to commit an entry of its term first", () => {
  const leader = new Leader({ log: [1] });
  const { sequence } = leader.solo.lastAppend();
  // Both answer, neither has the entry.
  for (const from of [1, 2]) leader.solo.receive(success(1, { term: 2, from, sequence }));
  leader.solo.outcomes = [];
  leader.solo.step({ type: "read", id: 1, consistency: "lease" });
  expect(leader.solo.outcomes).toEqual([]);
});

test("without one a read is served after a round, as always", () => {
  const leader = new Leader();
  leader.hear(1);
  expect(leader.reads(500)).toBe(false);
  leader.solo.step({ type: "read", id: 2, consistency: "lease" });
  leader.solo.tick(HEARTBEAT);
  leader.hear(2);
  expect(leader.solo.outcomes).toMatchObject([{ type: "readable", id: 1 }]);
});

test("a read that asks for more than a lease gets a round, and one on a server without leases, too", () => {
  const leader = new Leader();
  leader.hear(1);
  leader.heartbeat(200)(1);
  leader.solo.read(1);
  expect(leader.solo.outcomes).toEqual([]);
  const without = new Leader({ config: { preVote: true } });
  without.hear(1);
  without.heartbeat(200)(1);
  expect(without.reads(200)).toBe(false);
});

test("a process that stood still has not counted ticks, but its clock went on", () => {
  const leader = new Leader();
  leader.hear(1);
  leader.heartbeat(200)(1);
  expect(leader.reads(200 + 1000)).toBe(false);
});

test("the leader gives it up before it asks another server to take over, and has none for the rest of its term", () => {
  const leader = new Leader();
  leader.hear(1, 2);
  leader.heartbeat(200)(1, 2);
  // As long as the target lacks entries nobody was asked.
  leader.solo.propose("a", 5);
  leader.solo.transfer(1, 6);
  expect(leader.reads(201)).toBe(true);
  leader.heartbeat(202)(1, 2);
  expect(leader.solo.state.commitIndex).toBe(2);
  expect(leader.reads(203)).toBe(false);
  // The request may arrive long after the transfer has failed.
  for (let tick = 0; tick < TIMEOUT; tick += 1) {
    leader.solo.tick();
    leader.solo.receive(...[1, 2].map((from) => success(2, { term: 1, from, sequence: 1 })));
  }
  expect(leader.solo.outcomes).toMatchObject([{ type: "transferFailed", id: 6 }]);
  leader.heartbeat(300)(1, 2);
  expect(leader.reads(301)).toBe(false);
});

// --- since the followers should not vote for another server before that

/** Server 0, which has just heard from server 1, the leader of term 2. */
function follower(): Solo {
  const server = new Solo({ log: [1], config });
  server.tick(TIMEOUT);
  server.receive(appendEntries([1, 1], [], { term: 2 }));
  return server;
}

test("a follower that has heard from the leader consents to nobody for an election timeout", () => {
  const server = follower();
  server.tick(TIMEOUT - 1);
  expect(server.receive(preVote([9, 2], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.state).toMatchObject({ term: 2, votedFor: null });
});

test("nor if it has learned of a later term meanwhile: the leader may not have", () => {
  const server = follower();
  server.receive(preVoteAnswer(false, { term: 3, from: 2 }));
  expect(server.state.term).toBe(3);
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(requestVote([9, 2], { term: 4, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(preVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  server.tick(TIMEOUT);
  expect(server.receive(requestVote([9, 2], { term: 4, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

test("nor if it has been restarted: it may have answered a moment ago", () => {
  const server = follower();
  server.node.crash();
  server.node.start();
  server.tick(TIMEOUT - 1);
  expect(server.receive(preVote([9, 2], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
  server.tick();
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

test("nor if the connection to the leader has broken: clients may still be connected to it", () => {
  const server = follower();
  server.step({ type: "disconnected", peer: 1 });
  server.tick(TIMEOUT - 1);
  expect(server.state.role).toBe("follower");
  expect(server.receive(preVote([9, 2], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: false }]);
});

test("but whomever the leader has asked to take over it votes for at once", () => {
  const vote = requestVote([9, 2], { term: 3, from: 2, leadershipTransfer: true });
  expect(follower().receive(vote)).toMatchObject([{ voteGranted: true }]);
});

test("a leader that is cut off has no lease any more when another one is elected", () => {
  for (let seed = 0; seed < 30; seed += 1) {
    const cluster = new Cluster(3, config);
    clocks(cluster, 0);
    // Nobody knows what it may have promised before it was started.
    for (const id of [1, 2]) cluster.tick(id, TIMEOUT);
    cluster.elect(0);
    let now = 0;
    const live = (ticks: number): void => {
      for (let tick = 0; tick < ticks; tick += 1) {
        now += 1;
        clocks(cluster, now);
        cluster.run(1);
      }
    };
    live(1 + (seed % 7));
    cluster.isolate(0);
    let served = 0;
    for (let tick = 0; tick < 2 * MAX && cluster.state(0).role === "leader"; tick += 1) {
      const other = cluster.leader() ?? 0;
      if (other !== 0) cluster.propose(other, `newer ${tick}`);
      // (A stale read breaks an invariant of the harness.)
      if (cluster.outcome(cluster.read(0, "lease")) === "readable") served += 1;
      live(1);
    }
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThanOrEqual(LEASE);
  }
});

test("whatever happens to servers whose clocks agree, no read is stale", () => {
  let served = 0;
  let elections = 0;
  for (let seed = 0; seed < 40; seed += 1) {
    const dice = new Dice(seed);
    const cluster = new Cluster(dice.pick([3, 5]), config);
    for (let now = 1; now < 250; now += 1) {
      clocks(cluster, now);
      happen(cluster, dice);
      for (const { id, isUp } of cluster.nodes) {
        if (!isUp || cluster.state(id).role !== "leader") continue;
        cluster.propose(id, `${now} by ${id}`);
        if (cluster.outcome(cluster.read(id, "lease")) === "readable") served += 1;
      }
      cluster.run(1);
    }
    elections += cluster.state(cluster.nodes.find(({ isUp }) => isUp)?.id ?? 0).term;
  }
  // It was worth something: leases were held, and lost.
  expect(served).toBeGreaterThan(2000);
  expect(elections).toBeGreaterThan(100);
});

/** What goes wrong in one tick, if anything. */
function happen(cluster: Cluster, dice: Dice): void {
  const id = dice.pick(cluster.ids);
  const { isUp } = cluster.node(id);
  if (dice.oneIn(15)) cluster.isolate(id);
  if (dice.oneIn(15)) cluster.block(({ from, to }) => from === id && to === (id + 1) % cluster.ids.length);
  if (dice.oneIn(10)) cluster.network.heal();
  if (dice.oneIn(20) && isUp) cluster.crash(id);
  if (dice.oneIn(4) && !isUp) cluster.restart(id);
  if (dice.oneIn(20)) cluster.node(id).step({ type: "disconnected", peer: dice.pick(cluster.ids) });
  if (dice.oneIn(30) && isUp) cluster.transfer(id);
}

/** All clocks read `now`. */
function clocks(cluster: Cluster, now: number): void {
  for (const node of cluster.nodes) node.step({ type: "time", now });
}
