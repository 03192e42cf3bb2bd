import type { MemberChange } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { configurationOf, textOfMembers } from "../harness/members.ts";
import {
  appendEntries,
  configurationEntry,
  installSnapshot,
  requestVote,
  success,
  voteAnswer,
} from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { heartbeatTicks: HEARTBEAT } = TIMING;

const ADD: MemberChange = { type: "addVoter", id: 3, address: "host-3" };
const REMOVE: MemberChange = { type: "remove", id: 2 };

/** The members that the server goes by, and the index of the entry that says so. */
function inForce({ state }: Solo): [index: number, members: string] {
  const { index, configuration } = state.configuration;
  return [index, textOfMembers(configuration)];
}

/** A leader of three, in term 1, that knows what is committed. */
function settledLeader(): Solo {
  const leader = new Solo().lead();
  const { sequence } = leader.lastAppend();
  for (const from of [1, 2]) leader.receive(success(1, { term: 1, from, sequence }));
  leader.sent();
  return leader;
}

// --- a server uses the latest configuration in its log, whether or not it is committed

test("a leader goes by a configuration as soon as it has appended it", () => {
  const leader = settledLeader();
  expect(inForce(leader)).toEqual([0, "0 1 2"]);
  leader.stalled = true;
  leader.change([ADD]);
  expect(inForce(leader)).toEqual([2, "0 1 2 3:promotable"]);
  expect(leader.state.commitIndex).toBe(1);
  // The new server gets the log at once; nobody else could give it the entry that makes it a member.
  expect(leader.sent()).toMatchObject([{ to: 1 }, { to: 2 }, { to: 3, type: "appendEntries" }]);
});

test("a follower goes by it as soon as it is in its log, before it is durable, committed or applied", () => {
  const server = new Solo({ log: [1] });
  server.stalled = true;
  const entries = [configurationEntry([2, 2], "0 1 2:outgoing")];
  server.receive(appendEntries([1, 1], [], { term: 2, entries }));
  expect(inForce(server)).toEqual([2, "0 1 2:outgoing"]);
  expect(server.state).toMatchObject({ commitIndex: 0, stableIndex: 1 });
});

test("a server must be prepared to fall back to the previous configuration in its log", () => {
  const server = new Solo({ log: [1, 1, 1, 1], members: { 2: "0 1 2 3:incoming", 4: "0 1 2 3" } });
  expect(inForce(server)).toEqual([4, "0 1 2 3"]);
  server.receive(appendEntries([3, 1], [2], { term: 2 }));
  expect(inForce(server)).toEqual([2, "0 1 2 3:incoming"]);
  server.receive(appendEntries([1, 1], [3], { term: 3, from: 2 }));
  expect(inForce(server)).toEqual([0, "0 1 2"]);
});

test("a configuration that replaces another at the same index is the one that counts", () => {
  const server = new Solo({ log: [1, 1], members: { 2: "0 1 2:outgoing" } });
  const entries = [configurationEntry([2, 2], "0 1:outgoing 2")];
  server.receive(appendEntries([1, 1], [], { term: 2, entries }));
  expect(inForce(server)).toEqual([2, "0 1:outgoing 2"]);
});

test("the caller is told of each configuration as it comes into force, and of the one that is fallen back to", () => {
  const server = new Solo({ log: [1] });
  const entries = [configurationEntry([2, 2], "0 1 2:outgoing"), configurationEntry([3, 2], "0 1")];
  server.receive(appendEntries([1, 1], [], { term: 2, entries: entries.slice(0, 1) }));
  server.receive(appendEntries([2, 2], [], { term: 2, entries: entries.slice(1) }));
  server.receive(appendEntries([3, 2], [], { term: 2, leaderCommit: 2 }));
  server.receive(appendEntries([2, 2], [3], { term: 3, from: 2 }));
  expect(
    server.configurations.map(({ index, configuration }) => [index, textOfMembers(configuration)]),
  ).toEqual([
    [2, "0 1 2:outgoing"],
    [3, "0 1"],
    [2, "0 1 2:outgoing"],
  ]);
});

test("after a restart the latest configuration on disk is in force, committed or not", () => {
  const server = new Solo({ log: [1, 1], members: { 2: "0 1 2:outgoing" } });
  expect(inForce(server)).toEqual([2, "0 1 2:outgoing"]);
  expect(server.state.commitIndex).toBe(0);
});

test("it decides about the next election: a configuration that nobody else has yet counts", () => {
  // The last entry makes 3 and 4 voters, too: with one vote more than its own, two of five, it is not elected.
  const server = new Solo({ log: [1, 1], members: { 2: "0 1 2 3 4" } });
  server.campaign();
  expect(server.sent().map(({ to }) => to)).toEqual([1, 2, 3, 4]);
  server.receive(voteAnswer(true, { term: 2, from: 1 }));
  expect(server.state.role).toBe("candidate");
  server.receive(voteAnswer(true, { term: 2, from: 4 }));
  expect(server.state.role).toBe("leader");
});

test("what the configuration said at the beginning counts only until the log or a snapshot says something", () => {
  const joiner = new Solo({ config: { peers: [] } });
  expect(inForce(joiner)).toEqual([0, ""]);
  joiner.tick(100);
  expect(joiner.state).toMatchObject({ role: "follower", term: 0 });
  joiner.receive(installSnapshot([4, 2], { term: 2, configuration: configurationOf("0:learner 1 2") }));
  expect(inForce(joiner)).toEqual([4, "0:learner 1 2"]);
  joiner.node.crash();
  joiner.node.start();
  expect(inForce(joiner)).toEqual([4, "0:learner 1 2"]);
});

// --- in elections and replication it is the sender's configuration that counts

test("a server accepts AppendEntries from a leader that is not part of its latest configuration", () => {
  const server = new Solo({ log: [1], members: { 1: "0 2" } });
  const answers = server.receive(appendEntries([1, 1], [2], { term: 2, from: 7 }));
  expect(answers).toMatchObject([{ success: true, to: 7, matchIndex: 2 }]);
  expect(server.state.leaderId).toBe(7);
});

test("a server also grants its vote to a candidate that is not part of its latest configuration", () => {
  const server = new Solo({ log: [1], members: { 1: "0 2" } });
  expect(server.receive(requestVote([1, 1], { term: 2, from: 7 }))).toMatchObject([{ voteGranted: true }]);
});

test.each(["1 2", "0:learner 1 2", "0:promotable 1 2"])(
  "a server that is no voter as far as it knows, of [%s], votes: the candidate may know better",
  (members) => {
    const server = new Solo({ log: [1], members: { 1: members } });
    expect(server.receive(requestVote([1, 1], { term: 2 }))).toMatchObject([{ voteGranted: true }]);
  },
);

// --- one change at a time

test("until a configuration is committed no other change is taken", () => {
  const leader = settledLeader();
  leader.change([ADD], null, 1);
  leader.change([{ type: "addLearner", id: 4, address: "host-4" }], null, 2);
  expect(leader.outcomes).toEqual([{ type: "changePending", id: 2 }]);
  expect(inForce(leader)[0]).toBe(2);
  leader.receive(success(2, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.change([{ type: "addLearner", id: 4, address: "host-4" }], null, 3);
  expect(inForce(leader)).toEqual([3, "0 1 2 3:promotable 4:learner"]);
});

test("nor until a joint one has come to its end", () => {
  const leader = settledLeader();
  leader.change([REMOVE], null, 1);
  leader.receive(success(2, { term: 1, sequence: leader.lastAppend().sequence }));
  expect(inForce(leader)).toEqual([3, "0 1"]);
  leader.change([ADD], null, 2);
  expect(leader.outcomes).toEqual([{ type: "changePending", id: 2 }]);
});

test("a leader takes no change before an entry of its term is committed: there may be one of which it knows nothing better", () => {
  const leader = new Solo({ log: [1] }).lead();
  leader.change([ADD], null, 1);
  expect(leader.outcomes).toEqual([{ type: "changePending", id: 1 }]);
  leader.receive(success(2, { term: 2, sequence: leader.lastAppend().sequence }));
  leader.change([ADD], null, 2);
  expect(inForce(leader)).toEqual([3, "0 1 2 3:promotable"]);
});

// --- only if the configuration is still the one the operator has seen

test("a change for the configuration of a certain index is made if that is in force", () => {
  const leader = settledLeader();
  leader.change([{ type: "setAddress", id: 1, address: "elsewhere" }], 0, 1);
  leader.receive(success(2, { term: 1, sequence: leader.lastAppend().sequence }));
  expect(leader.outcomes).toMatchObject([{ type: "changed", id: 1, index: 2 }]);
  leader.change([{ type: "setAddress", id: 1, address: "back" }], 2, 2);
  expect(inForce(leader)[0]).toBe(3);
});

test.each([0, 1, 3])(
  "a change for the configuration of index %i, where that of 2 is in force, is refused",
  (expectedIndex) => {
    const leader = settledLeader();
    leader.change([{ type: "addLearner", id: 3, address: "" }], null, 1);
    leader.receive(success(2, { term: 1, sequence: leader.lastAppend().sequence }));
    leader.outcomes = [];
    leader.change([REMOVE], expectedIndex, 2);
    expect(leader.outcomes).toEqual([
      { type: "refused", id: 2, reason: `the configuration is that of index 2, not ${expectedIndex}` },
    ]);
    expect(inForce(leader)).toEqual([2, "0 1 2 3:learner"]);
  },
);

test("an operator who repeats a request without knowing what became of it does not do it twice", () => {
  const cluster = new Cluster(4, {}, 3);
  cluster.elect(0);
  const seen = cluster.state(0).configuration.index;
  const first = cluster.change(0, [REMOVE], seen);
  cluster.settle();
  const other = cluster.change(0, [{ type: "addLearner", id: 2, address: "" }]);
  cluster.settle();
  const repeated = cluster.change(0, [REMOVE], seen);
  expect([first, other, repeated].map((request) => cluster.outcome(request))).toEqual([
    "changed",
    "changed",
    "refused",
  ]);
  expect(cluster.members(0)).toBe("0 1 2:learner");
});

// --- what becomes of a request

test("what cannot be done is refused with the reason, and nothing is appended", () => {
  const leader = settledLeader();
  for (const changes of [[], [{ type: "remove", id: 9 } as const], [ADD, ADD]]) leader.change(changes);
  expect(leader.outcomes).toEqual(
    ["there is nothing to change", "server 9 is not a member", "server 3 is to be added twice"].map(
      (reason) => ({ type: "refused", id: 1, reason }),
    ),
  );
  expect(leader.state.lastLogIndex).toBe(1);
  // And nothing is left pending.
  leader.change([ADD], null, 2);
  expect(inForce(leader)[0]).toBe(2);
});

test("followers name the leader", () => {
  const server = new Solo({ log: [1] });
  server.receive(appendEntries([1, 1], [], { term: 1, from: 2 }));
  server.change([ADD]);
  expect(server.outcomes).toEqual([{ type: "notLeader", id: 1, leaderId: 2 }]);
});

test("the request is answered when the members are as was wanted, with the configuration and its index", () => {
  const leader = settledLeader();
  leader.change([REMOVE], null, 7);
  const [last] = leader.receive(success(2, { term: 1, sequence: leader.lastAppend().sequence }));
  expect(leader.outcomes).toEqual([]);
  leader.receive(success(3, { term: 1, sequence: last?.sequence ?? 0 }));
  expect(leader.outcomes).toEqual([
    { type: "changed", id: 7, index: 3, configuration: leader.state.configuration.configuration },
  ]);
  expect(inForce(leader)).toEqual([3, "0 1"]);
});

test("a leader that is deposed meanwhile cannot say what becomes of it", () => {
  const leader = settledLeader();
  leader.change([REMOVE], null, 7);
  leader.receive(requestVote([9, 9], { term: 9, from: 2 }));
  expect(leader.outcomes).toEqual([{ type: "unknown", id: 7, leaderId: null }]);
});

test("an address changes in one step, and reaches every server", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const change = cluster.change(0, [{ type: "setAddress", id: 2, address: "elsewhere" }]);
  cluster.run(HEARTBEAT);
  expect(cluster.outcome(change)).toBe("changed");
  for (const id of cluster.ids) {
    const { index, configuration } = cluster.state(id).configuration;
    expect(index).toBe(2);
    expect(configuration.members.map(({ address }) => address)).toEqual(["", "", "elsewhere"]);
  }
});

test("a configuration is no command: the state machine sees an empty one where it stands, and clients' commands go on", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const before = cluster.propose(0, "a");
  cluster.change(0, [{ type: "remove", id: 2 }]);
  const after = cluster.propose(0, "b");
  cluster.run(HEARTBEAT);
  expect([before, after].map((request) => cluster.outcome(request))).toEqual(["committed", "committed"]);
  expect(cluster.applied(1)).toEqual(["a", "b"]);
});

// --- snapshots

test("a snapshot of a leader has the members as of its index, not those of later entries", () => {
  const cluster = new Cluster(4, { retainedBytes: 0 }, 3);
  cluster.elect(0);
  cluster.change(0, [{ type: "addLearner", id: 3, address: "" }]);
  cluster.settle();
  // Another change, which is not committed yet when the snapshot is taken.
  cluster.isolate(0);
  cluster.change(0, [REMOVE]);
  cluster.settle();
  cluster.compact(0);
  const { meta } = cluster.node(0).disk.snapshot ?? {};
  expect(meta).toMatchObject({ lastIncludedIndex: 2, configuration: configurationOf("0 1 2 3:learner") });
  expect(cluster.members(0)).toBe("0 1 2:outgoing 3:learner");
  cluster.crash(0);
  cluster.restart(0);
  expect(cluster.members(0)).toBe("0 1 2:outgoing 3:learner");
});

test("a snapshot of a cluster that never changed names no members: they are those it began with", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.propose(0, "a");
  cluster.settle();
  cluster.compact(0);
  expect(cluster.node(0).disk.snapshot?.meta).toEqual({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  cluster.crash(0);
  cluster.restart(0);
  expect(cluster.members(0)).toBe("0 1 2");
});

test("an installed snapshot replaces the configurations it covers, and those after it unless the log agrees with it", () => {
  const log = [1, 1, 1];
  const members = { 2: "0 1 2:outgoing", 3: "0 1" };
  const covering = new Solo({ log, members });
  covering.receive(installSnapshot([5, 2], { term: 2, configuration: configurationOf("0 1 2 3") }));
  expect(inForce(covering)).toEqual([5, "0 1 2 3"]);
  const agreeing = new Solo({ log, members });
  agreeing.receive(installSnapshot([2, 1], { term: 2, configuration: configurationOf("0 1 2:outgoing") }));
  expect(inForce(agreeing)).toEqual([3, "0 1"]);
  const contradicting = new Solo({ log, members });
  contradicting.receive(installSnapshot([2, 2], { term: 2, configuration: configurationOf("0 1 2") }));
  expect(inForce(contradicting)).toEqual([2, "0 1 2"]);
});
