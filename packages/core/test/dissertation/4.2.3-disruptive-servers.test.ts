import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, conflict, preVoteAnswer, requestVote } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: MIN, electionTimeoutTicksMax: MAX, heartbeatTicks: HEARTBEAT } = TIMING;

const config = { preVote: true };

/** Server 0, which has just heard from server 1, the leader of term 2. */
function followerOfLeader(): Solo {
  // Its own timeout is further away than that of any other server.
  const server = new Solo({ log: [1], config: { ...config, electionTimeoutTicksMax: 1000 } });
  server.receive(appendEntries([1, 1], [], { term: 2 }));
  return server;
}

test("a request for votes within the minimum election timeout of hearing from a leader: neither term nor vote changes", () => {
  const server = followerOfLeader();
  server.tick(MIN - 1);
  expect(server.receive(requestVote([9, 1], { term: 3, from: 2, sequence: 6 }))).toEqual([
    { type: "requestVoteResponse", from: 0, to: 2, term: 2, sequence: 6, voteGranted: false },
  ]);
  expect(server.state).toMatchObject({ role: "follower", term: 2, votedFor: null, leaderId: 1 });
});

test("after that it is answered like any other", () => {
  const server = followerOfLeader();
  server.tick(MIN);
  expect(server.receive(requestVote([9, 1], { term: 3, from: 2 }))).toMatchObject([
    { term: 3, voteGranted: true },
  ]);
  expect(server.state).toMatchObject({ term: 3, votedFor: 2 });
});

test("each message of the leader counts anew, with or without entries", () => {
  const server = followerOfLeader();
  server.tick(MIN - 1);
  server.receive(appendEntries([1, 1], [2], { term: 2 }));
  server.tick(MIN - 1);
  expect(server.receive(requestVote([9, 2], { term: 3, from: 2 }))).toMatchObject([{ voteGranted: false }]);
});

test("a leader hears itself all the time", () => {
  const leader = new Solo({ config }).lead();
  leader.sent();
  leader.tick(MIN - 1);
  leader.sent();
  expect(leader.receive(requestVote([9, 9], { term: 9, from: 2 }))).toMatchObject([
    { term: 1, voteGranted: false },
  ]);
  expect(leader.state).toMatchObject({ role: "leader", term: 1 });
});

test("if the leader has asked for the election, the vote is given in spite of it", () => {
  const server = followerOfLeader();
  expect(server.receive(requestVote([9, 1], { term: 3, from: 2, leadershipTransfer: true }))).toMatchObject([
    { term: 3, voteGranted: true },
  ]);
});

test("if it is the leader itself that stands, there is nobody to be loyal to", () => {
  const server = followerOfLeader();
  expect(server.receive(requestVote([9, 2], { term: 3, from: 1 }))).toMatchObject([
    { term: 3, voteGranted: true },
  ]);
});

test("the leader of an earlier term is nobody to be loyal to", () => {
  const server = followerOfLeader();
  server.receive(preVoteAnswer(false, { term: 3, from: 2 }));
  expect(server.state).toMatchObject({ term: 3, leaderId: null });
  expect(server.receive(requestVote([9, 1], { term: 3, from: 2 }))).toMatchObject([
    { term: 3, voteGranted: true },
  ]);
  expect(server.state.votedFor).toBe(2);
});

test("a former leader is free at once", () => {
  const leader = new Solo({ config }).lead();
  leader.tick(MIN);
  expect(leader.state).toMatchObject({ role: "follower", term: 1, leaderId: null });
  leader.sent();
  expect(leader.receive(requestVote([9, 1], { term: 2, from: 2 }))).toMatchObject([{ voteGranted: true }]);
});

test("a candidate of an earlier term is told the present one, as always", () => {
  const server = followerOfLeader();
  expect(server.receive(requestVote([9, 1], { term: 1, from: 2 }))).toMatchObject([
    { term: 2, voteGranted: false },
  ]);
});

test("a candidate in a higher term than everybody's is not left there: the leader's next heartbeat ends the old term", () => {
  const cluster = new Cluster(3, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // Server 2 was asked to stand, could reach nobody, and is left in term 2 with a log that has become old.
  const heal = cluster.isolate(2);
  cluster.node(2).step({
    type: "receive",
    message: { type: "timeoutNow", from: 0, to: 2, term: 1, sequence: 1 },
  });
  cluster.settle();
  expect(cluster.state(2)).toMatchObject({ role: "candidate", term: 2 });
  cluster.propose(0, "a");
  cluster.settle();
  heal();
  cluster.run(4 * MAX);
  const leader = cluster.leader() ?? 0;
  expect(cluster.state(leader).term).toBeGreaterThan(2);
  expect(cluster.state(2)).toMatchObject({ role: "follower", leaderId: leader });
  expect(cluster.applied(2)).toEqual(["a"]);
});

test("a server that is removed is told so, and asks nobody for anything", () => {
  const cluster = new Cluster(4, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const change = cluster.change(0, [{ type: "remove", id: 3 }]);
  cluster.run(3 * HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  expect(cluster.members(3)).toBe("0 1 2");
  let asked = 0;
  let told = 0;
  cluster.run(2 * MAX);
  cluster.block(({ type, from, to }) => {
    if (from === 3 && type === "preVote") asked += 1;
    if (to === 3) told += 1;
    return false;
  });
  cluster.run(20 * MAX);
  expect(cluster.state(3)).toMatchObject({ role: "follower", commitIndex: cluster.state(0).commitIndex });
  expect([asked, told]).toEqual([0, 0]);
});

test("a server that was removed and does not know it keeps asking, and disturbs nobody", () => {
  const cluster = new Cluster(4, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  // It never hears that it is gone.
  const away = cluster.isolate(3);
  const change = cluster.change(0, [{ type: "remove", id: 3 }]);
  cluster.run(2 * MAX);
  expect(cluster.outcome(change)).toBe("changed");
  away();
  let asked = 0;
  cluster.block(({ type, from }) => {
    if (from === 3 && type === "preVote") asked += 1;
    return false;
  });
  cluster.run(20 * MAX);
  expect(asked).toBeGreaterThan(0);
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
  expect(cluster.state(3)).toMatchObject({ role: "preCandidate", term: 1 });
  expect(cluster.members(3)).toBe("0 1 2 3");
});

test("nor does one that stands for election all the time, as a server without pre-votes would", () => {
  const cluster = new Cluster(3, config);
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  const answers: boolean[] = [];
  for (let term = 2; term < 40; term += 1) {
    const stranger = requestVote([99, 1], { term, from: 7, sequence: term });
    for (const to of cluster.ids) cluster.node(to).step({ type: "receive", message: { ...stranger, to } });
    for (const { message } of cluster.network.parcels) {
      if (message.type === "requestVoteResponse") answers.push(message.voteGranted);
    }
    cluster.network.drop(({ to }) => to === 7);
    cluster.run(1);
  }
  expect(answers).toHaveLength(3 * 38);
  expect(answers).not.toContain(true);
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
});

test("with pre-votes switched off every higher term is followed, as in Figure 3.1", () => {
  const server = new Solo({ log: [1], config: { preVote: false } });
  server.receive(appendEntries([1, 1], [], { term: 2 }));
  expect(server.receive(requestVote([9, 1], { term: 3, from: 2 }))).toMatchObject([
    { term: 3, voteGranted: true },
  ]);
  const leader = new Solo({ config: { preVote: false } }).lead();
  leader.receive(requestVote([0, 0], { term: 9, from: 2 }));
  expect(leader.state).toMatchObject({ role: "follower", term: 9 });
});

test("a leader that learns of a higher term by an answer steps down all the same", () => {
  const leader = new Solo({ config }).lead();
  leader.receive(conflict(0, 0, { term: 5 }));
  expect(leader.state).toMatchObject({ role: "follower", term: 5 });
});
