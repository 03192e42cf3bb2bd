import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, requestVote, voteAnswer } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: MIN, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

/** Ticks until this server stands for election. */
function timeoutOf(server: Solo): number {
  const { term } = server.state;
  let ticks = 0;
  while (server.state.term === term && ticks < 10 * MAX) {
    server.tick();
    ticks += 1;
  }
  return ticks;
}

test("servers start as followers", () => {
  expect(new Solo({ term: 3 }).state).toMatchObject({ role: "follower", term: 3, leaderId: null });
});

test("a follower that hears nothing for an election timeout starts a term, votes for itself and asks all others", () => {
  const server = new Solo({ log: [1, 2], size: 3 });
  server.campaign();
  expect(server.state).toMatchObject({ role: "candidate", term: 3, votedFor: 0 });
  const common = { type: "requestVote", term: 3, lastLogIndex: 2, lastLogTerm: 2 };
  expect(server.sent()).toMatchObject([
    { ...common, to: 1 },
    { ...common, to: 2 },
  ]);
});

test("election timeouts are drawn anew each time from the whole range", () => {
  const drawn = new Set<number>();
  for (let seed = 0; seed < 40; seed += 1) {
    const server = new Solo({ config: { seed } });
    for (let election = 0; election < 5; election += 1) drawn.add(timeoutOf(server));
  }
  expect([...drawn].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: MAX - MIN }, (_, at) => MIN + at),
  );
});

test("a leader's message starts the election timeout again", () => {
  const server = new Solo({ term: 1 });
  for (let round = 0; round < 10; round += 1) {
    server.tick(MIN - 1);
    server.receive(appendEntries([0, 0], [], { term: 1 }));
  }
  expect(server.state).toMatchObject({ role: "follower", term: 1, leaderId: 1 });
});

test("granting a vote starts the election timeout again; refusing one does not", () => {
  const granting = new Solo({ term: 1 });
  granting.tick(MIN - 1);
  granting.receive(requestVote([0, 0], { term: 2 }));
  granting.tick(MIN - 1);
  expect(granting.state).toMatchObject({ role: "follower", term: 2 });

  const refusing = new Solo({ log: [1] });
  const usual = timeoutOf(new Solo({ log: [1] }));
  refusing.tick(usual - 1);
  refusing.receive(requestVote([0, 0], { term: 2 }));
  expect(timeoutOf(refusing)).toBe(1);
});

test("a server votes for at most one candidate in a term, first come first served, and repeats that vote", () => {
  const server = new Solo({ term: 1 });
  expect(server.receive(requestVote([0, 0], { term: 2, from: 1 }))).toMatchObject([{ voteGranted: true }]);
  expect(server.receive(requestVote([9, 1], { term: 2, from: 2 }))).toMatchObject([
    { voteGranted: false, to: 2 },
  ]);
  expect(server.receive(requestVote([0, 0], { term: 2, from: 1 }))).toMatchObject([{ voteGranted: true }]);
  expect(server.receive(requestVote([0, 0], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

test.each([
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2],
  [6, 3],
  [7, 3],
])("of %i servers a candidate needs exactly %i votes besides its own", (size, others) => {
  const server = new Solo({ size });
  server.campaign();
  const { term } = server.state;
  for (let peer = 1; peer <= others; peer += 1) {
    expect(server.state.role).toBe("candidate");
    // Twice: a repeated answer is still one vote.
    server.receive(voteAnswer(true, { term, from: peer }), voteAnswer(true, { term, from: peer }));
  }
  expect(server.state).toMatchObject({ role: "leader", leaderId: 0, term });
});

test("a refusal, and a vote of an earlier term, are no votes", () => {
  const server = new Solo({ term: 1 });
  server.campaign();
  server.receive(voteAnswer(false, { term: 2, from: 1 }), voteAnswer(true, { term: 1, from: 2 }));
  expect(server.state.role).toBe("candidate");
});

test("a server outside the cluster, and one's own echo, have no vote", () => {
  const server = new Solo();
  server.campaign();
  server.receive(voteAnswer(true, { term: 1, from: 9 }), voteAnswer(true, { term: 1, from: 0 }));
  server.receive(voteAnswer(true, { term: 1, from: 1, to: 2 }));
  expect(server.state.role).toBe("candidate");
});

test("a new leader sends to all at once, so that no further election begins", () => {
  const server = new Solo().lead();
  expect(server.sent().filter(({ type }) => type === "appendEntries")).toMatchObject([{ to: 1 }, { to: 2 }]);
});

test("a leader sends something to everyone every heartbeat", () => {
  const server = new Solo().lead();
  server.sent();
  server.tick(HEARTBEAT);
  expect(server.sent()).toMatchObject([
    { to: 1, type: "appendEntries" },
    { to: 2, type: "appendEntries" },
  ]);
});

test("a candidate that hears from a leader of its term follows it", () => {
  const server = new Solo();
  server.campaign();
  server.receive(appendEntries([0, 0], [], { term: 1, from: 2 }));
  expect(server.state).toMatchObject({ role: "follower", term: 1, leaderId: 2, votedFor: 0 });
});

test("a candidate ignores a leader of an earlier term", () => {
  const server = new Solo({ term: 4 });
  server.campaign();
  server.receive(appendEntries([0, 0], [], { term: 4 }));
  expect(server.state).toMatchObject({ role: "candidate", term: 5 });
});

test("a candidate asks again those who have not answered, but not in the same breath", () => {
  const server = new Solo();
  server.campaign();
  server.sent();
  server.receive(voteAnswer(false, { term: 1, from: 2 }));
  server.tick(HEARTBEAT - 1);
  expect(server.sent()).toEqual([]);
  server.tick();
  expect(server.sent()).toMatchObject([{ type: "requestVote", to: 1, term: 1 }]);
});

test("a split vote is followed by another election, which ends", () => {
  const cluster = new Cluster(4);
  // Two candidates that each get one more vote: 2 of 4 is no majority.
  cluster.campaign(0);
  cluster.campaign(1);
  const free = [
    cluster.block(({ from, to }) => from === 0 && to === 3),
    cluster.block(({ from, to }) => from === 1 && to === 2),
  ];
  cluster.settle();
  for (const unblock of free) unblock();
  expect(cluster.leader()).toBeUndefined();
  const { term } = cluster.state(0);
  for (let tick = 0; tick < 10 * MAX && cluster.leader() === undefined; tick += 1) cluster.run(1);
  expect(cluster.leader()).toBeDefined();
  expect(cluster.state(cluster.leader() ?? 0).term).toBeGreaterThan(term);
});

test("a second leader of the same term is refused, whatever it sends", () => {
  const server = new Solo({ term: 1 });
  server.receive(appendEntries([0, 0], [1], { term: 1, from: 1 }));
  const answers = server.receive(appendEntries([0, 0], [1, 1], { term: 1, from: 2 }));
  expect(answers).toEqual([expect.objectContaining({ type: "refusal", reason: "twoLeaders", to: 2 })]);
  expect(server.terms).toEqual([1]);
  expect(server.state.leaderId).toBe(1);
});
