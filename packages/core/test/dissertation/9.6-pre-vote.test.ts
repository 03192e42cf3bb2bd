import { Raft } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, preVote, preVoteAnswer, requestVote, voteAnswer } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: MIN, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

const config = { preVote: true };

/** Lets the election timeout pass. Returns the questions. */
function ask(server: Solo) {
  server.sent();
  server.campaign();
  expect(server.state.role).toBe("preCandidate");
  return server.sent();
}

/** The number of the last question that `questions` put to `peer`. */
function numberOf(questions: ReturnType<typeof ask>, peer: number): number {
  return questions.findLast(({ to }) => to === peer)?.sequence ?? 0;
}

/** Ticks until a server asks that is itself asked all the time, or not. */
function ticksToAsk(isAsked: boolean): number {
  const server = new Solo({ log: [1], config });
  for (let tick = 1; tick < 10 * MAX; tick += 1) {
    server.tick();
    if (server.state.role === "preCandidate") return tick;
    if (isAsked) server.receive(preVote([1, 1], { term: 1 }));
  }
  return Number.NaN;
}

// --- the server that asks

test("a follower that hears nothing asks all others whether it would win, with its log, in its present term", () => {
  const server = new Solo({ log: [1, 3], term: 3, config });
  const common = { type: "preVote", term: 3, lastLogIndex: 2, lastLogTerm: 3 };
  expect(ask(server)).toMatchObject([
    { ...common, to: 1 },
    { ...common, to: 2 },
  ]);
});

test("to ask changes neither term nor vote, and costs no write", () => {
  const server = new Solo({ log: [1], term: 3, votedFor: 2, config });
  server.stalled = true;
  ask(server);
  expect(server.state).toMatchObject({ term: 3, votedFor: 2 });
  expect(server.node.disk.isBusy).toBe(false);
});

test.each([
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2],
  [7, 3],
])("of %i servers it needs the consent of %i others, and only then it raises its term", (size, others) => {
  const server = new Solo({ size, config });
  const questions = ask(server);
  for (let from = 1; from <= others; from += 1) {
    expect(server.state).toMatchObject({ role: "preCandidate", term: 0 });
    const answer = preVoteAnswer(true, { term: 0, from, sequence: numberOf(questions, from) });
    // Twice: a repeated answer is still one consent.
    server.receive(answer, answer);
  }
  expect(server.state).toMatchObject({ role: "candidate", term: 1, votedFor: 0 });
});

test("refusals, strangers and answers to an earlier round are no consent", () => {
  const server = new Solo({ config });
  const [first] = ask(server);
  server.tick(MAX);
  const questions = server.sent();
  server.receive(
    preVoteAnswer(true, { term: 0, from: 1, sequence: first?.sequence ?? 0 }),
    preVoteAnswer(false, { term: 0, from: 1, sequence: numberOf(questions, 1) }),
    preVoteAnswer(true, { term: 0, from: 9, sequence: numberOf(questions, 2) }),
    voteAnswer(true, { term: 0, from: 2, sequence: numberOf(questions, 2) }),
  );
  expect(server.state).toMatchObject({ role: "preCandidate", term: 0 });
});

test("nor are answers to what it asked before it was restarted", () => {
  const server = new Solo({ config });
  const earlier: number[] = [];
  for (let life = 1; life <= 8; life += 1) {
    const asked = ask(server).map(({ sequence }) => sequence);
    for (const from of [1, 2]) {
      for (const sequence of earlier) server.receive(preVoteAnswer(true, { term: 0, from, sequence }));
    }
    expect(server.state).toMatchObject({ role: "preCandidate", term: 0 });
    earlier.push(...asked);
    server.node.crash(0);
    server.node.start();
  }
});

test("who would be elected stands like any candidate: its own vote is on disk before it asks for others", () => {
  const server = new Solo({ config });
  const questions = ask(server);
  server.stalled = true;
  const consent = preVoteAnswer(true, { term: 0, from: 2, sequence: numberOf(questions, 2) });
  expect(server.receive(consent)).toEqual([]);
  server.resume();
  expect(server.sent()).toMatchObject([
    { type: "requestVote", to: 1, term: 1 },
    { type: "requestVote", to: 2, term: 1 },
  ]);
});

test("it asks again those who have not answered, with every heartbeat", () => {
  const server = new Solo({ size: 4, config });
  const questions = ask(server);
  server.receive(preVoteAnswer(false, { term: 0, from: 1, sequence: numberOf(questions, 1) }));
  server.receive(preVoteAnswer(true, { term: 0, from: 3, sequence: numberOf(questions, 3) }));
  server.tick(HEARTBEAT - 1);
  expect(server.sent()).toEqual([]);
  server.tick();
  expect(server.sent()).toMatchObject([{ type: "preVote", to: 2 }]);
});

test("when the timeout passes again it asks everybody anew", () => {
  const server = new Solo({ config });
  const questions = ask(server);
  for (const from of [1, 2])
    server.receive(preVoteAnswer(false, { term: 0, from, sequence: numberOf(questions, from) }));
  server.tick(MAX);
  expect(server.state).toMatchObject({ role: "preCandidate", term: 0 });
  const again = server.sent();
  expect(again.slice(0, 2)).toMatchObject([
    { type: "preVote", to: 1 },
    { type: "preVote", to: 2 },
  ]);
  server.receive(preVoteAnswer(true, { term: 0, from: 1, sequence: numberOf(again, 1) }));
  expect(server.state.role).toBe("candidate");
});

test("once it receives a heartbeat from the leader it is a follower again, in the same term", () => {
  const server = new Solo({ log: [2], config });
  const questions = ask(server);
  server.receive(appendEntries([1, 2], [], { term: 2, from: 1 }));
  expect(server.state).toMatchObject({ role: "follower", term: 2, leaderId: 1 });
  // The consent of step 1 comes too late.
  server.receive(preVoteAnswer(true, { term: 2, from: 2, sequence: numberOf(questions, 2) }));
  expect(server.state).toMatchObject({ role: "follower", term: 2 });
});

test("an answer of a higher term is adopted, for below it nobody can be elected", () => {
  const server = new Solo({ log: [2], config });
  ask(server);
  server.receive(preVoteAnswer(false, { term: 7, from: 2 }));
  expect(server.state).toMatchObject({ role: "follower", term: 7, votedFor: null });
  expect(ask(server)).toMatchObject([{ term: 7 }, { term: 7 }]);
});

test("a candidate that is not elected asks before it stands again: its term grows once, not with every timeout", () => {
  const server = new Solo({ config });
  const questions = ask(server);
  server.receive(preVoteAnswer(true, { term: 0, from: 1, sequence: numberOf(questions, 1) }));
  expect(server.state).toMatchObject({ role: "candidate", term: 1 });
  server.tick(10 * MAX);
  expect(server.state).toMatchObject({ role: "preCandidate", term: 1, votedFor: 0 });
});

test("a single server asks nobody", () => {
  const server = new Solo({ size: 1, config });
  server.tick();
  expect(server.state).toMatchObject({ role: "leader", term: 1 });
  expect(server.sent()).toEqual([]);
});

test("a server whose disk hangs does not ask; if it hangs after the question, the election waits for it", () => {
  const hung = new Solo({ term: 4, config });
  hung.stalled = true;
  hung.receive(requestVote([0, 0], { term: 5 }));
  hung.tick(20 * MAX);
  expect(hung.state).toMatchObject({ role: "follower", term: 5 });

  const server = new Solo({ term: 4, config });
  const questions = ask(server);
  // A vote for somebody else is being written when the consent comes.
  server.stalled = true;
  server.receive(requestVote([0, 0], { term: 4, from: 2 }));
  server.receive(preVoteAnswer(true, { term: 4, from: 1, sequence: numberOf(questions, 1) }));
  expect(server.state).toMatchObject({ role: "preCandidate", term: 4, votedFor: 2 });
  server.resume();
  expect(server.state).toMatchObject({ role: "candidate", term: 5, votedFor: 0 });
});

test("no question names a term that the server could still forget", () => {
  const server = new Solo({ config });
  server.stalled = true;
  server.receive(appendEntries([0, 0], [], { term: 5 }));
  // The write of term 5 is under way; the disk finishes it just after the timeout.
  server.tick(MAX);
  expect(server.sent()).toEqual([]);
  server.resume();
  server.tick();
  expect(server.sent().filter(({ type }) => type === "preVote")).toMatchObject([{ term: 5 }, { term: 5 }]);
});

test("nor if term and timeout come in one turn, before anything could be written", () => {
  const raft = new Raft(
    { ...TIMING, ...config, id: 0, peers: [0, 1, 2], seed: 1 },
    { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] },
    0,
  );
  raft.step({ type: "receive", message: appendEntries([0, 0], [], { term: 5 }) });
  for (let tick = 0; tick < MAX; tick += 1) raft.step({ type: "tick" });
  expect(raft.inspect().role).toBe("preCandidate");
  expect(raft.ready()?.messages).toEqual([]);
  raft.step({ type: "written" });
  const types = raft.ready()?.messages.map(({ type, term }) => `${type} ${term}`) ?? [];
  expect(new Set(types)).toEqual(new Set(["appendEntriesResponse 5", "preVote 5"]));
});

test("who asks offers clients nothing", () => {
  const server = new Solo({ config });
  ask(server);
  server.propose("a", 1);
  server.read(2);
  server.change([{ type: "remove", id: 2 }], null, 3);
  server.transfer(null, 4);
  expect(server.outcomes).toEqual([1, 2, 3, 4].map((id) => ({ type: "notLeader", id, leaderId: null })));
});

test("with pre-votes switched off nobody asks", () => {
  const server = new Solo({ config: { preVote: false } });
  server.campaign();
  expect(server.state).toMatchObject({ role: "candidate", term: 1 });
  expect(server.sent().map(({ type }) => type)).toEqual(["requestVote", "requestVote"]);
});

// --- the server that is asked

test.each([
  ["with an equal log", [1, 2], [2, 2], true],
  ["with a longer log", [1, 2], [3, 2], true],
  ["with a shorter log", [1, 2], [1, 2], false],
  ["with a later last term", [1, 2], [1, 3], true],
  ["with an earlier last term", [1, 2], [9, 1], false],
] as const)("a candidate %s: %j asked with %j -> %s", (_what, log, last, voteGranted) => {
  const server = new Solo({ log, term: 3, config });
  expect(server.receive(preVote(last, { term: 3, sequence: 8 }))).toEqual([
    { type: "preVoteResponse", from: 0, to: 1, term: 3, sequence: 8, voteGranted },
  ]);
});

test("the voters have not received heartbeats from a valid leader for at least a baseline election timeout", () => {
  const server = new Solo({ term: 2, config: { ...config, electionTimeoutTicksMax: 100 } });
  server.receive(appendEntries([0, 0], [], { term: 2, from: 2 }));
  server.tick(MIN - 1);
  expect(server.receive(preVote([0, 0], { term: 2 }))).toMatchObject([{ voteGranted: false, term: 2 }]);
  server.tick();
  expect(server.receive(preVote([0, 0], { term: 2 }))).toMatchObject([{ voteGranted: true, term: 2 }]);
});

test("a leader has a valid leader: itself", () => {
  const leader = new Solo({ size: 5 }).lead();
  leader.sent();
  expect(leader.receive(preVote([9, 1], { term: 1 }))).toMatchObject([{ voteGranted: false }]);
});

test("who asks or stands itself has nothing against others who would be better", () => {
  const server = new Solo({ log: [1], config });
  const questions = ask(server);
  expect(server.receive(preVote([1, 1], { term: 1, from: 2 }))).toMatchObject([{ voteGranted: true }]);
  server.receive(preVoteAnswer(true, { term: 1, from: 1, sequence: numberOf(questions, 1) }));
  expect(server.state).toMatchObject({ role: "candidate", term: 2 });
  expect(server.receive(preVote([1, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

test("who asks in an earlier term is told the present one", () => {
  const server = new Solo({ log: [1], term: 5, config });
  expect(server.receive(preVote([9, 4], { term: 4 }))).toMatchObject([{ voteGranted: false, term: 5 }]);
});

test("who asks in a later term changes nothing here", () => {
  const server = new Solo({ log: [1], term: 5, votedFor: 2, config });
  expect(server.receive(preVote([9, 8], { term: 8 }))).toMatchObject([{ voteGranted: true, term: 5 }]);
  expect(server.state).toMatchObject({ role: "follower", term: 5, votedFor: 2 });
});

test("consent is no vote: it is given to everybody who asks, is not written, and leaves the vote free", () => {
  const server = new Solo({ log: [1], config });
  server.stalled = true;
  for (const from of [1, 2])
    expect(server.receive(preVote([1, 1], { term: 1, from }))).toMatchObject([
      { voteGranted: true, to: from },
    ]);
  expect(server.node.disk.isBusy).toBe(false);
  server.stalled = false;
  expect(server.receive(requestVote([1, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: true }]);
  expect(server.receive(requestVote([1, 1], { term: 2, from: 1 }))).toMatchObject([{ voteGranted: false }]);
});

test("consent does not put off the own election", () => {
  expect(ticksToAsk(true)).toBe(ticksToAsk(false));
});

test("a term that cannot be is not answered", () => {
  const server = new Solo({ config });
  expect(server.receive(preVote([0, 0], { term: 2 ** 40 }))).toEqual([]);
  expect(server.receive(preVote([0, 3], { term: 3 }))).toEqual([]);
  expect(server.receive(preVote([0, 0], { term: -1 }))).toEqual([]);
});

// --- the cluster

test("while a server is partitioned it cannot raise its term; when it rejoins, it disturbs nobody", () => {
  const cluster = new Cluster(3, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const heal = cluster.isolate(2);
  cluster.run(20 * MAX);
  expect(cluster.state(2)).toMatchObject({ role: "preCandidate", term: 1 });
  const write = cluster.propose(0, "a");
  heal();
  cluster.run(HEARTBEAT);
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
  expect(cluster.state(2)).toMatchObject({ role: "follower", term: 1, leaderId: 0 });
  expect(cluster.outcome(write)).toBe("committed");
});

test("without it the rejoining server would have ended a leadership that everybody was content with", () => {
  const cluster = new Cluster(3, { preVote: false });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const heal = cluster.isolate(2);
  cluster.run(20 * MAX);
  heal();
  cluster.run(HEARTBEAT);
  expect(cluster.state(0)).toMatchObject({ role: "follower" });
});

test("it does not harm elections: when the leader is gone, the next one is elected within two timeouts", () => {
  for (const size of [2, 3, 5]) {
    const cluster = new Cluster(size, config);
    for (let tick = 0; tick < 2 * MAX && cluster.leader() === undefined; tick += 1) cluster.run(1);
    const first = cluster.leader() ?? -1;
    expect(first).not.toBe(-1);
    if (size === 2) continue;
    cluster.run(HEARTBEAT);
    cluster.crash(first);
    for (let tick = 0; tick < 2 * MAX && cluster.leader() === undefined; tick += 1) cluster.run(1);
    expect(cluster.leader()).toBeDefined();
  }
});

test("a server that lacks entries does not even stand, whoever is left to be asked", () => {
  const cluster = new Cluster(3, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const heal = cluster.isolate(2);
  cluster.propose(0, "a");
  cluster.settle();
  cluster.crash(0);
  heal();
  // Server 1 counts no time: only server 2 could stand.
  cluster.run(10 * MAX, [2]);
  expect(cluster.state(2)).toMatchObject({ role: "preCandidate", term: 1 });
  cluster.run(2 * MAX);
  expect(cluster.leader()).toBe(1);
});
