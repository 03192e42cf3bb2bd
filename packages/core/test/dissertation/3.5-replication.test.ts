import { expect, test } from "vitest";
import type { Message } from "@eraft/core";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, conflict, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

// --- the follower's side

test("the consistency check: entries are only taken where the logs agree just before them", () => {
  const server = new Solo({ log: [1, 1, 2] });
  expect(server.receive(appendEntries([3, 3], [3], { term: 3 }))).toMatchObject([{ success: false }]);
  expect(server.terms).toEqual([1, 1, 2]);
  const answers = server.receive(appendEntries([3, 2], [3], { term: 3, sequence: 8 }));
  expect(answers).toMatchObject([
    { success: true, matchIndex: 4, conflictIndex: 0, conflictTerm: 0, sequence: 8 },
  ]);
  expect(server.terms).toEqual([1, 1, 2, 3]);
});

test("a log that is too short is answered with its end and conflictTerm -1", () => {
  const answers = new Solo({ log: [1, 1] }).receive(appendEntries([7, 2], [2], { term: 2 }));
  expect(answers).toMatchObject([{ success: false, conflictIndex: 3, conflictTerm: -1, matchIndex: 0 }]);
});

test.each([
  [[1, 1, 2, 2, 2], 5, 2, 3],
  [[1, 1, 1], 3, 1, 1],
  [[1, 2, 3], 3, 3, 3],
  [[1, 2, 2, 3], 3, 2, 2],
])(
  "log %j, conflict at %i: answered with term %i and the first index of that term, %i",
  (log, at, term, first) => {
    const answers = new Solo({ log }).receive(appendEntries([at, 4], [], { term: 9 }));
    expect(answers).toMatchObject([{ success: false, conflictTerm: term, conflictIndex: first }]);
  },
);

test("the search back ends above the follower's own snapshot, whose entries cannot conflict", () => {
  const server = new Solo({ snapshot: [4, 2], log: [2, 2] });
  const answers = server.receive(appendEntries([6, 3], [], { term: 3 }));
  expect(answers).toMatchObject([{ success: false, conflictTerm: 2, conflictIndex: 5 }]);
});

test("conflicting entries and all that follow them are replaced", () => {
  const server = new Solo({ log: [1, 1, 2, 2] });
  server.receive(appendEntries([1, 1], [1, 3], { term: 3 }));
  expect(server.terms).toEqual([1, 1, 3]);
});

test("only a real conflict truncates: an older, shorter request delivered late takes nothing away", () => {
  const server = new Solo({ term: 1 });
  const early = appendEntries([0, 0], [1], { term: 1 });
  server.receive(appendEntries([0, 0], [1, 1, 1], { term: 1 }));
  expect(server.receive(early)).toMatchObject([{ success: true, matchIndex: 1 }]);
  expect(server.receive(appendEntries([1, 1], [], { term: 1 }))).toMatchObject([
    { success: true, matchIndex: 1 },
  ]);
  expect(server.terms).toEqual([1, 1, 1]);
});

test("requests that overlap, repeat and come in any order give one log", () => {
  const requests = [
    appendEntries([0, 0], [1, 1], { term: 2 }),
    appendEntries([1, 1], [1, 2], { term: 2 }),
    appendEntries([2, 1], [2, 2], { term: 2 }),
    appendEntries([4, 2], [], { term: 2 }),
  ];
  for (const [first, second, third] of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [2, 0, 1],
  ] as const) {
    const server = new Solo({ log: [1], term: 2 });
    for (const at of [first, second, third, first, second, third, 3]) {
      const request = requests[at];
      if (request !== undefined) server.receive(request);
    }
    expect(server.terms).toEqual([1, 1, 2, 2]);
  }
});

test("a follower commits what the leader has committed, as far as this very message verified it", () => {
  // The follower's entries 3 and 4 are left over from a leader that lost; entry 3 of the cluster is another one.
  const server = new Solo({ log: [1, 1, 2, 2] });
  server.receive(appendEntries([2, 1], [], { term: 3, leaderCommit: 4 }));
  expect(server.state.commitIndex).toBe(2);
  server.receive(appendEntries([2, 1], [3], { term: 3, leaderCommit: 4 }));
  expect(server.state).toMatchObject({ commitIndex: 3, lastApplied: 3 });
  expect(server.node.applied).toEqual(["command 1 of term 1", "command 2 of term 1", "command 3 of term 3"]);
});

test("the commit index never goes back", () => {
  const server = new Solo({ log: [1, 1] });
  server.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 2 }));
  server.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 1 }));
  expect(server.state.commitIndex).toBe(2);
});

test("a leader that would replace a committed entry stops the server rather than the truth", () => {
  const server = new Solo({ log: [1, 1] });
  server.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 2 }));
  expect(() => server.receive(appendEntries([1, 1], [2], { term: 2 }))).toThrow(
    /the committed one here has term 1/,
  );
});

test("what lies below the follower's snapshot is committed and so agrees: the rest is taken", () => {
  const server = new Solo({ snapshot: [4, 2], log: [2] });
  expect(server.receive(appendEntries([2, 1], [], { term: 3 }))).toMatchObject([
    { success: true, matchIndex: 2 },
  ]);
  const answers = server.receive(appendEntries([2, 1], [2, 2, 2, 3], { term: 3, leaderCommit: 6 }));
  expect(answers).toMatchObject([{ success: true, matchIndex: 6 }]);
  expect(server.terms).toEqual([2, 3]);
  expect(server.state.commitIndex).toBe(6);
});

// --- the leader's side

test("a new leader starts at the end of its log, with an entry of its own", () => {
  const leader = new Solo({ log: [1, 1] }).lead();
  expect(leader.lastAppend()).toMatchObject({ term: 2, prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 0 });
  expect(leader.state.peers.get(1)).toMatchObject({ nextIndex: 3, matchIndex: 0 });
});

test.each([
  // The follower's log is short: go to its end.
  [[1, 1, 4, 4], conflict(3, -1, { term: 5 }), 2],
  // The leader has that term: past its last entry of it.
  [[1, 1, 4, 4], conflict(2, 1, { term: 5 }), 2],
  [[1, 4, 4, 4], conflict(2, 1, { term: 5 }), 1],
  // The leader does not have that term: before the whole run.
  [[1, 1, 4, 4], conflict(2, 3, { term: 5 }), 1],
])("the leader with log %j backs off by whole terms, not by entries", (log, answer, prevLogIndex) => {
  const leader = new Solo({ log }).lead();
  const { sequence } = leader.lastAppend();
  expect(leader.receive({ ...answer, sequence })).toMatchObject([
    { type: "appendEntries", to: 1, prevLogIndex },
  ]);
});

test("a conflict costs one round per term, on both sides", () => {
  const cluster = new Cluster(2);
  const long = Array.from({ length: 30 }, (_, at) => (at < 10 ? 1 : 2));
  const other = Array.from({ length: 30 }, (_, at) => (at < 10 ? 1 : 3));
  seed(cluster, 0, other, 4);
  seed(cluster, 1, long, 3);
  cluster.campaign(0);
  let requests = 0;
  cluster.block((message) => {
    if (message.type === "appendEntries") requests += 1;
    return false;
  });
  cluster.settle();
  expect(cluster.logs()[1]).toEqual([...other, 5]);
  expect(requests).toBeLessThanOrEqual(4);
});

test("the answer that takes longer than a heartbeat still moves the search on", () => {
  const leader = new Solo({ log: [1, 1, 1] }).lead();
  const { sequence } = leader.lastAppend();
  leader.tick(TIMING.heartbeatTicks);
  expect(leader.lastAppend().prevLogIndex).toBe(3);
  leader.receive(conflict(1, -1, { term: 2, sequence }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "probe", nextIndex: 1 });
});

test("an old refusal does not undo what an answer since has shown", () => {
  const leader = new Solo({ log: [1, 1, 1] }).lead();
  const first = leader.lastAppend().sequence;
  leader.receive(conflict(2, -1, { term: 2, sequence: first }));
  leader.receive(success(4, { term: 2, sequence: first + 2 }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "replicate", matchIndex: 4, nextIndex: 5 });
  leader.receive(conflict(1, -1, { term: 2, sequence: first }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "replicate", matchIndex: 4, nextIndex: 5 });
});

test("the leader commits once a majority has an entry, and tells the followers with the next message", () => {
  const cluster = new Cluster(5);
  cluster.elect(0);
  const request = cluster.propose(0, "x");
  cluster.hold(({ from, type }) => type === "appendEntriesResponse" && from >= 2);
  cluster.settle();
  expect(cluster.outcome(request)).toBeUndefined();
  cluster.network.heal();
  cluster.settle();
  expect(cluster.outcome(request)).toBe("committed");
  expect(cluster.applied(0)).toEqual(["x"]);
  cluster.run(TIMING.heartbeatTicks);
  for (const id of cluster.ids) expect(cluster.applied(id)).toEqual(["x"]);
});

test("lost entries are noticed when they are overdue and sent again, for ever if need be", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  let unblock = cluster.block((message) => message.type === "appendEntries" && message.entries.length > 0);
  const once = cluster.propose(0, "x");
  unblock();
  cluster.run(TIMING.electionTimeoutTicksMin);
  expect(cluster.outcome(once)).toBe("committed");
  unblock = cluster.block((message) => message.type === "appendEntries" && message.entries.length > 0);
  const often = cluster.propose(0, "y");
  cluster.run(500);
  expect(cluster.outcome(often)).toBeUndefined();
  unblock();
  cluster.run(8 * TIMING.electionTimeoutTicksMin + TIMING.heartbeatTicks);
  expect(cluster.outcome(often)).toBe("committed");
});

/** Entries to server 1. */
function isForOne(message: Message): boolean {
  return message.type === "appendEntries" && message.to === 1 && message.entries.length > 0;
}

test("what is on its way is not asked for: heartbeats and reads overtake it, and that is no sign of a loss", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(TIMING.heartbeatTicks);
  const arrive = cluster.hold(isForOne);
  cluster.propose(0, "a");
  cluster.propose(0, "b");
  const held = cluster.network.parcels.filter(({ message }) => isForOne(message)).length;
  for (let ticks = 0; ticks < 4; ticks += 1) {
    const read = cluster.read(0);
    cluster.run(1);
    expect(cluster.outcome(read)).toBe("readable");
  }
  expect(cluster.state(0).peers.get(1)).toMatchObject({ state: "replicate", matchIndex: 1, nextIndex: 4 });
  expect(cluster.network.parcels.filter(({ message }) => isForOne(message))).toHaveLength(held);
  arrive();
  cluster.run(TIMING.heartbeatTicks);
  expect(cluster.applied(1)).toEqual(["a", "b"]);
});

test("a leader gets to know how slow a link is, and then sends each entry over it once", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.run(TIMING.heartbeatTicks);
  const sentFor = (value: string): number => {
    const arrive = cluster.hold(isForOne);
    cluster.propose(0, value);
    cluster.run(2 * TIMING.electionTimeoutTicksMin);
    const { length } = cluster.network.parcels.filter(({ message }) => isForOne(message));
    arrive();
    cluster.run(TIMING.heartbeatTicks);
    expect(cluster.applied(1).at(-1)).toBe(value);
    return length;
  };
  expect(sentFor("a")).toBeGreaterThan(1);
  expect([sentFor("b"), sentFor("c")]).toEqual([1, 1]);
});

test("what the follower said it holds never becomes less through old answers", () => {
  const leader = new Solo({ log: [1, 1] }).lead();
  const { sequence } = leader.lastAppend();
  leader.receive(success(3, { term: 2, sequence }), success(1, { term: 2, sequence: 1 }));
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 3, nextIndex: 4 });
});

test("a success beyond the leader's own log cannot be, and counts for nothing", () => {
  const leader = new Solo({ log: [1] }).lead();
  leader.receive(success(9, { term: 2, sequence: leader.lastAppend().sequence }));
  expect(leader.state).toMatchObject({ commitIndex: 0 });
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 0 });
});

test("a message holds at most maxAppendBytes, but always an entry", () => {
  const leader = new Solo({ config: { maxAppendBytes: 100, maxInflightAppends: 9 } }).lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.stalled = true;
  for (const text of ["a".repeat(30), "b".repeat(3000), "c", "d"]) leader.propose(text);
  expect(leader.appends().map(({ entries }) => entries.length)).toEqual([1, 1, 1, 1]);
  const probing = new Solo({ log: [1, 1, 1, 1, 1], config: { maxAppendBytes: 110 } }).lead();
  const { sequence } = probing.lastAppend();
  // 32 bytes of overhead and 19 of text each: two fit.
  expect(probing.receive(conflict(1, -1, { term: 2, sequence }))).toMatchObject([
    { entries: [{ index: 1 }, { index: 2 }] },
  ]);
});

test("no more than maxInflightAppends messages with entries wait for their answers", () => {
  const leader = new Solo({ config: { maxInflightAppends: 2 } }).lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  for (const text of ["a", "b", "c", "d"]) leader.propose(text);
  const sent = leader.appends();
  expect(sent.map(({ prevLogIndex }) => prevLogIndex)).toEqual([1, 2]);
  leader.receive(success(2, { term: 1, sequence: sent[0]?.sequence ?? 0 }));
  expect(leader.state.peers.get(1)).toMatchObject({ nextIndex: 6 });
});

test("a follower reported unreachable is probed at the next heartbeat, not at once", () => {
  const leader = new Solo().lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.propose("x");
  leader.sent();
  leader.step({ type: "unreachable", peer: 1 });
  expect(leader.state.peers.get(1)).toMatchObject({ state: "probe", nextIndex: 2 });
  expect(leader.appends()).toEqual([]);
  leader.tick(TIMING.heartbeatTicks);
  const [probe] = leader.appends();
  expect(probe).toMatchObject({ prevLogIndex: 1, entries: [] });
  const answers = leader.receive(success(1, { term: 1, sequence: probe?.sequence ?? 0 }));
  expect(answers).toMatchObject([{ prevLogIndex: 1, entries: [{ index: 2 }] }]);
});

test("a follower that does not answer gets the entries once; heartbeats and reads only repeat the question", () => {
  const leader = new Solo({ log: [1] }).lead();
  expect(leader.appends(2)).toMatchObject([{ prevLogIndex: 1, entries: [{ index: 2 }] }]);
  leader.receive(success(2, { term: 2, sequence: leader.state.term }));
  leader.sent();
  leader.read();
  leader.tick(TIMING.heartbeatTicks);
  expect(leader.appends(2).map(({ prevLogIndex, entries }) => [prevLogIndex, entries.length])).toEqual([
    [1, 0],
    [1, 0],
  ]);
});

test("a leader with too much waiting to be committed says busy, and takes more once it is committed", () => {
  const leader = new Solo({ config: { maxUncommittedBytes: 100 } }).lead();
  for (const id of [1, 2, 3, 4]) leader.propose("0123456789", id);
  expect(leader.outcomes).toEqual([
    { type: "busy", id: 3 },
    { type: "busy", id: 4 },
  ]);
  leader.receive(success(3, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.propose("0123456789", 5);
  expect(leader.outcomes.filter(({ type }) => type === "busy")).toHaveLength(2);
});

/** Gives a server a log before it starts again. */
function seed(cluster: Cluster, id: number, terms: readonly number[], term: number): void {
  cluster.crash(id);
  const { disk } = cluster.node(id);
  disk.entries = appendEntries([0, 0], terms, { term }).entries.map((entry) => ({ ...entry }));
  disk.hardState = { term, votedFor: null };
  cluster.restart(id);
}
