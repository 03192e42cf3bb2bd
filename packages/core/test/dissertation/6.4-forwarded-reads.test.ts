import type { Message } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, readIndex, readIndexAnswer, requestVote, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

function clusterAtRest(size = 3, founders = size): Cluster {
  const cluster = new Cluster(size, {}, founders);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** Server 0 of term 2, with one entry that is committed and applied, which has just heard from leader 1. */
function follower(config = {}): Solo {
  const server = new Solo({ log: [1], term: 2, config });
  server.receive(appendEntries([1, 1], [], { term: 2, leaderCommit: 1 }));
  return server;
}

/** The questions among `messages`, by their numbers. */
function questions(messages: readonly Message[]): number[] {
  return messages.filter(({ type }) => type === "readIndex").map(({ sequence }) => sequence);
}

/** A leader of three in term 1 with a committed entry. */
function settledLeader(): Solo {
  const leader = new Solo().lead();
  const { sequence } = leader.lastAppend();
  for (const from of [1, 2]) leader.receive(success(1, { term: 1, from, sequence }));
  leader.sent();
  return leader;
}

// --- the follower

test("the follower issues a request to the leader that just asks for the current readIndex, and then reads its own state", () => {
  const server = follower();
  server.read(7);
  const asked = server.sent();
  expect(asked).toEqual([{ type: "readIndex", from: 0, to: 1, term: 2, sequence: asked[0]?.sequence }]);
  expect(server.outcomes).toEqual([]);
  server.receive(readIndexAnswer(1, { term: 2, sequence: asked[0]?.sequence ?? 0 }));
  expect(server.outcomes).toEqual([{ type: "readable", id: 7, index: 1 }]);
});

test("it waits until its state machine has got as far as the readIndex", () => {
  const server = follower();
  server.read(7);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(3, { term: 2, sequence }));
  server.receive(appendEntries([1, 1], [2, 2], { term: 2, leaderCommit: 2 }));
  expect(server.outcomes).toEqual([]);
  server.receive(appendEntries([3, 2], [], { term: 2, leaderCommit: 3 }));
  expect(server.outcomes).toEqual([{ type: "readable", id: 7, index: 3 }]);
});

test("a write that was acknowledged before the read began is seen on every server, however far behind it is", () => {
  const cluster = clusterAtRest(4, 3);
  cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.run(HEARTBEAT);
  const slow = cluster.hold(({ type, to }) => type === "appendEntries" && (to === 2 || to === 3));
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
  const reads = [1, 2, 3].map((id) => cluster.read(id));
  cluster.run(HEARTBEAT, [0, 1]);
  expect(reads.map((request) => cluster.outcome(request))).toEqual(["readable", undefined, undefined]);
  slow();
  cluster.run(HEARTBEAT);
  // The learner, too. (That nobody reads too early is an invariant of the harness.)
  expect(reads.map((request) => cluster.outcome(request))).toEqual(["readable", "readable", "readable"]);
  for (const id of [1, 2, 3]) expect(cluster.applied(id)).toEqual(["a"]);
});

test("reads that arrive while it waits for an answer share the next question", () => {
  const server = follower();
  server.read(1);
  const [first = 0] = questions(server.sent());
  server.read(2);
  server.read(3);
  expect(questions(server.sent())).toEqual([]);
  const [second = 0] = questions(server.receive(readIndexAnswer(1, { term: 2, sequence: first })));
  // The first answer says nothing about the time after the later reads.
  expect(server.outcomes.map(({ id }) => id)).toEqual([1]);
  server.receive(readIndexAnswer(1, { term: 2, sequence: first }));
  expect(server.outcomes.map(({ id }) => id)).toEqual([1]);
  server.receive(readIndexAnswer(1, { term: 2, sequence: second }));
  expect(server.outcomes.map(({ id }) => id)).toEqual([1, 2, 3]);
});

test.each([0, 1, 2])(
  "it asks again with every heartbeat, and takes the answer to any of these questions: %i",
  (which) => {
    const server = follower();
    server.read(1);
    const asked: number[] = questions(server.sent());
    server.tick(HEARTBEAT - 1);
    expect(questions(server.sent())).toEqual([]);
    server.tick(HEARTBEAT + 1);
    asked.push(...questions(server.sent()));
    expect(asked).toHaveLength(3);
    server.receive(readIndexAnswer(1, { term: 2, sequence: asked[which] ?? 0 }));
    expect(server.outcomes).toEqual([{ type: "readable", id: 1, index: 1 }]);
  },
);

test("every question has a number of its own, in an earlier life of the server, too", () => {
  const numbers = new Set<number>();
  let asked = 0;
  for (let seed = 0; seed < 20; seed += 1) {
    const server = follower({ seed });
    server.read(1);
    server.tick(TIMEOUT - 1);
    for (const sequence of questions(server.sent())) {
      asked += 1;
      numbers.add(sequence);
      expect(Number.isSafeInteger(sequence)).toBe(true);
    }
  }
  expect(asked).toBe(80);
  expect(numbers.size).toBe(asked);
});

test("an answer to a question of an earlier life says nothing about reads of this one", () => {
  const cluster = clusterAtRest();
  // 1. Server 2 asks, and crashes. The answer, from before the write, is on its way.
  const late = cluster.hold(({ type }) => type === "readIndexResponse");
  cluster.read(2);
  cluster.settle();
  const answer = cluster.network.parcels.filter(({ message }) => message.type === "readIndexResponse");
  expect(answer).toMatchObject([{ message: { readIndex: 1 } }]);
  cluster.crash(2);
  cluster.propose(0, "a");
  cluster.settle();
  cluster.restart(2);
  // 2. It hears from the leader, does not get the write, and is asked for a read.
  cluster.hold(
    (message) => message.type === "appendEntries" && message.to === 2 && message.entries.length > 0,
  );
  cluster.run(HEARTBEAT, [0]);
  expect(cluster.state(2)).toMatchObject({ leaderId: 0, lastLogIndex: 1 });
  const read = cluster.read(2);
  for (const parcel of answer) cluster.node(2).receive(parcel);
  expect(cluster.outcome(read)).toBeUndefined();
  // The answer to the question of this life is held back by the missing write.
  late();
  cluster.settle();
  expect(cluster.outcome(read)).toBeUndefined();
});

test.each([
  ["from somebody who was not asked", { from: 2 }, 1],
  ["to another question", { sequence: 1 }, 1],
  ["that is no index", {}, Number.NaN],
  ["that is no position", {}, -2],
])("an answer %s is ignored", (_what, fields, index) => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(index, { term: 2, sequence, ...fields }));
  expect(server.outcomes).toEqual([]);
  // The right one still counts.
  server.receive(readIndexAnswer(1, { term: 2, sequence }));
  expect(server.outcomes).toMatchObject([{ type: "readable" }]);
});

test("an answer comes only once: the same again settles nothing", () => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  const answer = readIndexAnswer(1, { term: 2, sequence });
  server.receive(answer, answer);
  expect(server.outcomes).toHaveLength(1);
});

test("if the one that was asked does not lead, the client hears who does", () => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(-1, { term: 2, sequence }));
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: 1 }]);
});

test("no answer for an election timeout is one: the client is not left waiting, and the next question can be asked", () => {
  const server = follower({ electionTimeoutTicksMax: 100 });
  server.read(1);
  server.read(2);
  server.tick(TIMEOUT - 1);
  expect(server.outcomes).toEqual([]);
  server.receive(appendEntries([1, 1], [], { term: 2, leaderCommit: 1 }));
  server.sent();
  server.tick();
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: 1 }]);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(1, { term: 2, sequence }));
  expect(server.outcomes.slice(1)).toEqual([{ type: "readable", id: 2, index: 1 }]);
});

test("a read for which no entries come is given up when the leader has been silent for an election timeout", () => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(5, { term: 2, sequence }));
  server.tick(2 * TIMEOUT);
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: null }]);
});

test("another leader ends it: its predecessor's word is worth nothing any more", () => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  server.read(2);
  server.receive(appendEntries([1, 1], [], { term: 3, from: 2 }));
  expect(server.outcomes).toEqual([
    { type: "notLeader", id: 1, leaderId: null },
    { type: "notLeader", id: 2, leaderId: null },
  ]);
  server.receive(readIndexAnswer(1, { term: 2, sequence }));
  expect(server.outcomes).toHaveLength(2);
});

test("an answer of a later term ends it, too: whoever gave it does not lead the term of the question", () => {
  const server = follower();
  server.read(1);
  const [sequence = 0] = questions(server.sent());
  server.receive(readIndexAnswer(1, { term: 3, sequence }));
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: null }]);
  expect(server.state.term).toBe(3);
});

test("without a leader nobody is asked", () => {
  const server = new Solo({ log: [1], term: 2 });
  server.read(1);
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: null }]);
  // Nor is one that has been silent for an election timeout.
  const forsaken = follower({ electionTimeoutTicksMax: 100 });
  forsaken.tick(TIMEOUT);
  forsaken.read(2);
  expect(forsaken.outcomes).toEqual([{ type: "notLeader", id: 2, leaderId: null }]);
  expect(questions(forsaken.sent())).toEqual([]);
});

test.each([true, false])("a server that stands for election has nobody to ask (pre-vote: %s)", (preVote) => {
  const server = follower({ preVote });
  server.read(1);
  server.campaign();
  server.read(2);
  expect(server.outcomes).toEqual([
    { type: "notLeader", id: 1, leaderId: expect.anything() as unknown },
    { type: "notLeader", id: 2, leaderId: null },
  ]);
});

test("no question names a term that the server could still forget", () => {
  const server = new Solo({ log: [1], term: 1 });
  server.stalled = true;
  server.receive(appendEntries([1, 1], [], { term: 2, leaderCommit: 1 }));
  server.read(1);
  expect(questions(server.sent())).toEqual([]);
  server.resume();
  expect(questions(server.sent())).toHaveLength(1);
});

// --- the leader

test("the leader follows the first three steps: it answers after a round of heartbeats that began after the question", () => {
  const leader = settledLeader();
  leader.tick(HEARTBEAT);
  const before = leader.lastAppend().sequence;
  const round = leader.receive(readIndex({ term: 1, from: 2, sequence: 55 }));
  expect(round.map(({ type }) => type)).toEqual(["appendEntries", "appendEntries"]);
  expect(leader.receive(success(1, { term: 1, sequence: before }))).toEqual([]);
  const answers = leader.receive(success(1, { term: 1, sequence: round[0]?.sequence ?? 0 }));
  expect(answers).toEqual([
    { type: "readIndexResponse", from: 0, to: 2, term: 1, sequence: 55, readIndex: 1 },
  ]);
});

test("a leader that does not know the commit index of its term yet lets them wait", () => {
  const leader = new Solo({ log: [1] }).lead();
  const opening = leader.lastAppend().sequence;
  expect(leader.receive(readIndex({ term: 2, from: 2 }))).toEqual([]);
  const round = leader.receive(success(2, { term: 2, sequence: opening }));
  expect(round.filter(({ type }) => type === "readIndexResponse")).toEqual([]);
  const sequence = round.find(({ to }) => to === 1)?.sequence ?? 0;
  expect(leader.receive(success(2, { term: 2, sequence }))).toMatchObject([
    { type: "readIndexResponse", to: 2, readIndex: 2 },
  ]);
});

test("questions of other servers and reads of its own clients share a round", () => {
  const leader = settledLeader();
  leader.read(1);
  const [first] = leader.sent();
  leader.read(2);
  leader.receive(
    readIndex({ term: 1, from: 1, sequence: 11 }),
    readIndex({ term: 1, from: 2, sequence: 22 }),
  );
  const second = leader.receive(success(1, { term: 1, sequence: first?.sequence ?? 0 }));
  expect(second.map(({ type }) => type)).toEqual(["appendEntries", "appendEntries"]);
  const answers = leader.receive(success(1, { term: 1, sequence: second[0]?.sequence ?? 0 }));
  expect(answers).toMatchObject([
    { to: 1, sequence: 11 },
    { to: 2, sequence: 22 },
  ]);
  expect(leader.outcomes.map(({ id }) => id)).toEqual([1, 2]);
});

test("a leader that has been replaced without knowing it never says an index", () => {
  const cluster = clusterAtRest();
  // Server 1 has become leader with the vote of 2. Then 0 and 2 hear each other, and nobody hears 1.
  const heal = cluster.isolate(0);
  cluster.elect(1);
  cluster.propose(1, "newer");
  cluster.settle();
  expect(cluster.state(0).role).toBe("leader");
  heal();
  cluster.block(({ from, to }) => from + to !== 2 || from === to);
  const ask = readIndex({ term: 1, from: 2, to: 0, sequence: 1 });
  cluster.node(0).receive({ message: ask, snapshot: null });
  cluster.run(2 * TIMEOUT, [0]);
  const said = cluster.network.parcels.map(({ message }) => message);
  expect(said.filter((message) => message.type === "readIndexResponse" && message.readIndex >= 0)).toEqual(
    [],
  );
  expect(cluster.state(0).role).not.toBe("leader");
});

test("a deposed leader says so to those who wait", () => {
  const leader = settledLeader();
  leader.receive(readIndex({ term: 1, from: 1, sequence: 11 }));
  leader.receive(readIndex({ term: 1, from: 2, sequence: 22 }));
  const answers = leader.receive(requestVote([9, 9], { term: 9, from: 2 }));
  expect(answers.filter(({ type }) => type === "readIndexResponse")).toMatchObject([
    { to: 1, sequence: 11, readIndex: -1 },
    { to: 2, sequence: 22, readIndex: -1 },
  ]);
});

test("a server that does not lead says so", () => {
  const answer = { type: "readIndexResponse", to: 2, sequence: 8, readIndex: -1 };
  const ask = readIndex({ term: 1, from: 2, sequence: 8 });
  expect(follower().receive(ask)).toMatchObject([{ ...answer, term: 2 }]);
  for (const preVote of [true, false]) {
    const server = new Solo({ config: { preVote } });
    server.campaign();
    server.sent();
    expect(server.receive(ask)).toMatchObject([answer]);
  }
});
