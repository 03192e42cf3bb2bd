import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, conflict, installSnapshot, success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { heartbeatTicks: HEARTBEAT, electionTimeoutTicksMin: COOLDOWN } = TIMING;

// --- the receiver's side (Figure 5.3)

test("rule 7: a snapshot beyond the log replaces the log and the state machine", () => {
  const server = new Solo({ log: [1, 1] });
  const answers = server.receive(installSnapshot([6, 3], { term: 3, sequence: 4 }));
  expect(answers).toMatchObject([{ type: "installSnapshotResponse", term: 3, sequence: 4 }]);
  expect(server.state).toMatchObject({
    lastLogIndex: 6,
    lastLogTerm: 3,
    commitIndex: 6,
    lastApplied: 6,
    baseIndex: 6,
  });
  expect(server.terms).toEqual([]);
  expect(server.node.applied).toHaveLength(6);
});

test("rule 6: entries after the snapshot stay if the entry at its end has its term", () => {
  const server = new Solo({ log: [1, 2, 2, 2] });
  server.receive(installSnapshot([2, 2], { term: 2 }));
  expect(server.terms).toEqual([2, 2]);
  expect(server.state).toMatchObject({ lastLogIndex: 4, commitIndex: 2, snapshot: { lastIncludedIndex: 2 } });
});

test("rule 7: with another term there everything goes, also what follows", () => {
  const server = new Solo({ log: [1, 1, 1, 1] });
  server.receive(installSnapshot([2, 3], { term: 3 }));
  expect(server.terms).toEqual([]);
  expect(server.state).toMatchObject({ lastLogIndex: 2, lastLogTerm: 3 });
});

test("a snapshot of what is committed already changes nothing and is answered", () => {
  const server = new Solo({ log: [1, 1, 1] });
  server.receive(appendEntries([3, 1], [], { term: 1, leaderCommit: 3 }));
  expect(server.receive(installSnapshot([2, 1], { term: 1 }))).toMatchObject([
    { type: "installSnapshotResponse" },
  ]);
  expect(server.terms).toEqual([1, 1, 1]);
  expect(server.state.snapshot.lastIncludedIndex).toBe(0);
});

test("the answer waits until snapshot and term are on disk", () => {
  const server = new Solo({ term: 1 });
  server.stalled = true;
  expect(server.receive(installSnapshot([5, 2], { term: 2 }))).toEqual([]);
  server.node.finishDisk();
  expect(server.sent()).toEqual([]);
  server.node.finishDisk();
  expect(server.node.disk.hardState.term).toBe(2);
  expect(server.sent()).toMatchObject([{ type: "installSnapshotResponse", term: 2 }]);
});

test("the end of a write that was under way is not the end of the installation", () => {
  const server = new Solo({ term: 2 });
  server.stalled = true;
  server.receive(appendEntries([0, 0], [2], { term: 2 }), installSnapshot([5, 2], { term: 2 }));
  server.node.finishDisk();
  expect(server.sent()).toEqual([]);
  server.node.finishDisk();
  expect(server.sent()).toMatchObject([
    { type: "appendEntriesResponse" },
    { type: "installSnapshotResponse" },
  ]);
});

test("entries that follow a snapshot being installed are taken, and promised when all of it is on disk", () => {
  const server = new Solo({ term: 2 });
  server.stalled = true;
  server.receive(installSnapshot([5, 2], { term: 2 }));
  expect(server.receive(appendEntries([5, 2], [2], { term: 2, leaderCommit: 6 }))).toEqual([]);
  expect(server.node.isApplying).toBe(false);
  server.resume();
  expect(server.sent()).toMatchObject([
    { type: "installSnapshotResponse" },
    { type: "appendEntriesResponse", success: true, matchIndex: 6 },
  ]);
  expect(server.state).toMatchObject({ lastApplied: 6, stableIndex: 6 });
});

test("a second snapshot while one is being installed is answered, not installed", () => {
  const server = new Solo({ term: 2 });
  server.stalled = true;
  server.receive(
    installSnapshot([5, 2], { term: 2, sequence: 1 }),
    installSnapshot([7, 2], { term: 2, sequence: 2 }),
  );
  server.resume();
  expect(server.sent()).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
  expect(server.state).toMatchObject({ lastLogIndex: 5, lastApplied: 5 });
});

test("a snapshot that comes during a write of entries it replaces leaves exactly the snapshot", () => {
  const server = new Solo({ log: [1], term: 2 });
  server.stalled = true;
  server.receive(appendEntries([1, 1], [2, 2, 2], { term: 2 }));
  server.receive(installSnapshot([3, 3], { term: 3, from: 2 }));
  server.receive(appendEntries([3, 3], [3], { term: 3, from: 2, sequence: 9 }));
  server.resume();
  expect(server.node.disk.terms).toEqual([3]);
  expect(server.state).toMatchObject({ lastLogIndex: 4, lastLogTerm: 3, stableIndex: 4 });
  expect(server.sent().at(-1)).toMatchObject({ to: 2, success: true, matchIndex: 4, sequence: 9 });
});

test("a truncation that is not on disk yet is not forgotten when a snapshot comes", () => {
  // 1. On disk: entries 2 to 4 of term 2. A write, of term 3, is under way.
  const server = new Solo({ log: [1, 2, 2, 2] });
  server.stalled = true;
  server.receive(appendEntries([1, 1], [], { term: 3 }));
  // 2. The leader of term 3 replaces entry 2; that is the next write.
  server.receive(appendEntries([1, 1], [3], { term: 3 }));
  // 3. The leader of term 4 never had that entry: its snapshot ends with entry 2 of term 2, which the disk still holds, with 3 and 4.
  server.receive(installSnapshot([2, 2], { term: 4, from: 2 }));
  server.receive(appendEntries([2, 2], [4], { term: 4, from: 2 }));
  server.resume();
  expect(server.terms).toEqual([4]);
  expect(server.state).toMatchObject({ lastLogIndex: 3, lastLogTerm: 4, stableIndex: 3 });
});

test("a server that installs a snapshot does not stand for election with half of it", () => {
  const server = new Solo({ term: 2 });
  server.stalled = true;
  server.receive(installSnapshot([5, 2], { term: 2 }));
  server.tick(50);
  expect(server.state).toMatchObject({ role: "follower", term: 2 });
  server.resume();
  server.campaign();
  expect(server.state).toMatchObject({ role: "candidate", term: 3 });
});

test.each([
  ["of what is committed already", 2, 3, false],
  ["of more than that", 3, 3, true],
  ["from a leader of an earlier term", 3, 2, false],
  ["from the leader of a later term", 3, 4, true],
])("the data of a snapshot %s is taken or not, as is known before", (_name, index, term, taken) => {
  const server = new Solo({ log: [1, 1], term: 3 });
  server.receive(appendEntries([2, 1], [], { term: 3, leaderCommit: 2 }));
  // The harness stages the data only if `wantsSnapshot` says so, and complains about a restore of what was not staged.
  server.receive(installSnapshot([index, 1], { term }));
  expect(server.state.snapshot.lastIncludedIndex).toBe(taken ? index : 0);
});

// --- compaction (5.1)

test("compaction drops what the snapshot covers but for the last retainedBytes", () => {
  // Each entry counts 32 bytes and its 19 characters.
  const entries = appendEntries([0, 0], [1, 1, 1, 1, 1, 1], { term: 1, leaderCommit: 5 });
  const server = new Solo({ term: 1, config: { retainedBytes: 110 } });
  server.receive(entries);
  expect(server.state).toMatchObject({ lastApplied: 5, logBytes: 6 * 51, compactableBytes: 5 * 51 });
  server.node.compact();
  expect(server.state).toMatchObject({
    snapshot: { lastIncludedIndex: 5, lastIncludedTerm: 1 },
    baseIndex: 3,
    logBytes: 3 * 51,
    compactableBytes: 0,
  });
  expect(server.terms).toEqual([1]);
});

test("what the server keeps below its snapshot still serves a follower that is a little behind", () => {
  const cluster = new Cluster(3, { retainedBytes: 10_000 });
  const snapshots = countSnapshots(cluster);
  cluster.elect(0);
  const heal = cluster.isolate(2);
  for (const text of ["a", "b", "c"]) cluster.propose(0, text);
  cluster.settle();
  cluster.compact(0);
  heal();
  cluster.run(2 * HEARTBEAT);
  expect(cluster.applied(2)).toEqual(["a", "b", "c"]);
  expect(snapshots.count).toBe(0);
});

test("a follower that was away for longer gets the snapshot and what follows", () => {
  const cluster = new Cluster(3, { retainedBytes: 0 });
  const snapshots = countSnapshots(cluster);
  cluster.elect(0);
  const heal = cluster.isolate(2);
  for (const text of ["a", "b", "c"]) cluster.propose(0, text);
  cluster.run(2, [0, 1]);
  cluster.compact(0);
  cluster.propose(0, "d");
  cluster.settle();
  heal();
  cluster.run(2 * HEARTBEAT);
  expect(cluster.applied(2)).toEqual(["a", "b", "c", "d"]);
  expect(cluster.node(2).disk.snapshotIndex).toBe(4);
  expect(snapshots.count).toBe(1);
});

test("a snapshot of the server's own that is overtaken by an installed one is ignored", () => {
  const server = new Solo({ log: [1, 1], term: 1 });
  server.receive(installSnapshot([5, 1], { term: 1 }));
  server.step({ type: "compacted", snapshot: { lastIncludedIndex: 2, lastIncludedTerm: 1 } });
  expect(server.state.snapshot.lastIncludedIndex).toBe(5);
});

test("a snapshot of a state that was never reached stops the server", () => {
  const server = new Solo({ log: [1, 1] });
  const compacted = { type: "compacted", snapshot: { lastIncludedIndex: 2, lastIncludedTerm: 1 } } as const;
  expect(() => server.step(compacted)).toThrow(/cannot be of a state that reflects 0/);
});

// --- the sender's side

/** A leader whose log before entry 4 is compacted, and follower 1 that needs it. */
function leaderOfSnapshot(): Solo {
  const leader = new Solo({ snapshot: [4, 1], log: [1] }).lead();
  leader.receive(conflict(1, -1, { term: 2, sequence: leader.lastAppend().sequence }));
  return leader;
}

test("a follower in need of compacted entries is sent one snapshot at a time, and heartbeats meanwhile", () => {
  const leader = leaderOfSnapshot();
  expect(leader.state.peers.get(1)).toMatchObject({ state: "snapshot" });
  leader.tick(HEARTBEAT);
  leader.propose("x");
  const sent = leader.sent().filter(({ to }) => to === 1);
  expect(sent.filter(({ type }) => type === "installSnapshot")).toEqual([]);
  expect(sent).toMatchObject([{ type: "appendEntries", prevLogIndex: 4, prevLogTerm: 1, entries: [] }]);
});

test("after a snapshot that failed the next one is sent when a while has passed", () => {
  const leader = leaderOfSnapshot();
  leader.sent();
  leader.step({ type: "snapshotSent", to: 1, snapshot: null });
  leader.tick(COOLDOWN - 1);
  // The other follower keeps it in office.
  const before = leader.receive(success(6, { term: 2, from: 2, sequence: 1 }));
  expect(before.filter(({ type }) => type === "installSnapshot")).toEqual([]);
  leader.tick();
  expect(leader.sent().filter(({ type }) => type === "installSnapshot")).toHaveLength(1);
});

test("the heartbeat that sends a snapshot again is still a heartbeat", () => {
  const leader = leaderOfSnapshot();
  leader.tick(2);
  leader.step({ type: "snapshotSent", to: 1, snapshot: null });
  // The other follower keeps it in office.
  const alive = success(6, { term: 2, from: 2, sequence: 1 });
  leader.receive(alive);
  leader.tick(COOLDOWN - 1);
  leader.receive(alive);
  leader.tick();
  const types = leader.sent().filter(({ to }) => to === 1);
  expect(types.map(({ type }) => type).toSorted()).toEqual(["appendEntries", "installSnapshot"]);
});

test("what follows a snapshot under way stays in the leader's log when it takes the next one", () => {
  const config = { retainedBytes: 0, maxRetainedBytes: 1000 };
  const baseAfter = (answers: boolean, isInTransfer: boolean): number => {
    const leader = new Solo({ snapshot: [4, 1], log: [1], config }).lead();
    leader.receive(conflict(1, -1, { term: 2, sequence: leader.lastAppend().sequence }));
    for (const text of ["a", "b", "c"]) leader.propose(text);
    leader.receive(success(9, { term: 2, from: 2, sequence: leader.state.term }));
    for (let tick = 0; tick < COOLDOWN; tick += 1) {
      leader.tick();
      leader.receive(success(9, { term: 2, from: 2, sequence: 1 }));
      if (answers) leader.receive(conflict(1, -1, { term: 2, sequence: 1 }));
    }
    expect(leader.state.peers.get(1)).toMatchObject({ state: "snapshot" });
    if (!isInTransfer) leader.step({ type: "snapshotSent", to: 1, snapshot: null });
    leader.step({ type: "compacted", snapshot: { lastIncludedIndex: 9, lastIncludedTerm: 2 } });
    return leader.state.baseIndex;
  };
  expect(baseAfter(true, true)).toBe(4);
  expect(baseAfter(false, true)).toBe(4);
  expect(baseAfter(true, false)).toBe(4);
  // It does not answer, and gets nothing: nobody waits for the dead.
  expect(baseAfter(false, false)).toBe(9);
});

test("a follower that has the snapshot after all, or installs it, goes on with entries", () => {
  const leader = leaderOfSnapshot();
  leader.tick(HEARTBEAT);
  leader.receive(success(4, { term: 2, sequence: leader.lastAppend().sequence }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "replicate", matchIndex: 4, nextIndex: 7 });

  const other = leaderOfSnapshot();
  other.step({ type: "snapshotSent", to: 1, snapshot: { lastIncludedIndex: 4, lastIncludedTerm: 1 } });
  expect(other.state.peers.get(1)).toMatchObject({ state: "probe", matchIndex: 0, nextIndex: 5 });
});

// --- clients

test("a proposal covered by another leader's snapshot is settled as unknown", () => {
  const solo = new Solo().lead();
  solo.stalled = true;
  solo.propose("x", 7);
  // The others commit it; the leader's own disk is not that far, so nothing is applied here.
  for (const from of [1, 2]) solo.receive(success(2, { term: 1, from, sequence: 1 }));
  expect(solo.state).toMatchObject({ commitIndex: 2, lastApplied: 0 });
  solo.receive(installSnapshot([5, 2], { term: 2 }));
  expect(solo.outcomes).toEqual([{ type: "unknown", id: 7, leaderId: 1 }]);
  solo.resume();
  expect(solo.outcomes).toHaveLength(1);
  expect(solo.state.lastApplied).toBe(5);
});

test("a confirmed read waits through the installation of a snapshot", () => {
  const server = new Solo().lead();
  server.stalled = true;
  server.propose("x", 1);
  for (const from of [1, 2]) server.receive(success(2, { term: 1, from, sequence: 1 }));
  server.read(2);
  server.receive(success(2, { term: 1, sequence: server.lastAppend().sequence }));
  expect(server.outcomes).toEqual([]);
  server.receive(installSnapshot([5, 2], { term: 2 }));
  server.resume();
  expect(server.outcomes).toEqual([
    { type: "unknown", id: 1, leaderId: 1 },
    { type: "readable", id: 2, index: 2 },
  ]);
});

function countSnapshots(cluster: Cluster): { count: number } {
  const seen = { count: 0 };
  cluster.block((message) => {
    if (message.type === "installSnapshot") seen.count += 1;
    return false;
  });
  return seen;
}
