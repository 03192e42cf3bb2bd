import { expect, test } from "vitest";
import { TIMING } from "./harness/cluster.ts";
import {
  appendEntries,
  conflict,
  entriesOf,
  installSnapshot,
  requestVote,
  snapshotAnswer,
  success,
} from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

const { heartbeatTicks: HEARTBEAT, electionTimeoutTicksMin: COOLDOWN } = TIMING;

// What a server must do and must bear in one cluster with the Go nodes. The wire is the transport's; these are the rules of the core.

// --- as the follower of a Go leader

test("conflictTerm is -1, not 0, when the log is too short: 0 makes a Go leader resend everything", () => {
  expect(new Solo({ term: 2 }).receive(appendEntries([3, 2], [], { term: 2 }))).toMatchObject([
    { conflictIndex: 1, conflictTerm: -1 },
  ]);
});

test("conflictIndex is at least 1 and never beyond what the leader has: above it a Go leader's process dies", () => {
  const logs = [[], [1], [1, 1, 2], [1, 2, 2, 2, 3]];
  for (const log of logs) {
    for (let prev = 1; prev <= 7; prev += 1) {
      for (const prevTerm of [1, 2, 3, 4]) {
        const [answer] = new Solo({ log, term: 5 }).receive(appendEntries([prev, prevTerm], [], { term: 5 }));
        if (answer?.type !== "appendEntriesResponse") throw new Error("no answer");
        const inRange = answer.conflictIndex >= 1 && answer.conflictIndex <= prev;
        expect(answer.success ? answer.conflictIndex === 0 : inRange).toBe(true);
      }
    }
  }
});

test("conflictTerm is the follower's own, never the request's: that would loop for ever", () => {
  const answers = new Solo({ log: [1, 1] }).receive(appendEntries([2, 3], [], { term: 3 }));
  expect(answers).toMatchObject([{ conflictTerm: 1, conflictIndex: 1 }]);
});

test("a prevLogIndex below the own snapshot matches: a Go leader would ignore an answer of term 0 and spin", () => {
  const server = new Solo({ snapshot: [10, 2], log: [2] });
  const answers = server.receive(appendEntries([3, 1], [1, 1, 1], { term: 3 }));
  expect(answers).toMatchObject([{ success: true, term: 3, matchIndex: 6 }]);
  expect(server.receive(appendEntries([0, 0], [], { term: 3 }))).toMatchObject([
    { success: true, matchIndex: 0 },
  ]);
});

test("success is only said in the request's own term", () => {
  const server = new Solo({ log: [1], term: 4 });
  for (const term of [1, 2, 3]) {
    expect(server.receive(appendEntries([1, 1], [], { term }))).toMatchObject([{ success: false, term: 4 }]);
  }
});

test("a Go leader's repeated, overlapping and stale requests are all answered from what is there", () => {
  const server = new Solo({ term: 1 });
  const whole = appendEntries([0, 0], [1, 1, 1], { term: 1 });
  for (const request of [
    whole,
    appendEntries([0, 0], [1], { term: 1 }),
    whole,
    appendEntries([2, 1], [1], { term: 1 }),
  ]) {
    expect(server.receive(request)).toMatchObject([{ success: true }]);
    expect(server.terms).toEqual([1, 1, 1]);
  }
});

test("a Go leader's leaderCommit above what it sends commits only what was verified", () => {
  const server = new Solo({ log: [1, 2, 2] });
  server.receive(appendEntries([1, 1], [], { term: 3, leaderCommit: 3 }));
  expect(server.state.commitIndex).toBe(1);
});

test("a Go leader's empty snapshot of index 0 changes nothing and is answered", () => {
  const server = new Solo({ log: [1], term: 2 });
  expect(server.receive(installSnapshot([0, 0], { term: 2 }))).toMatchObject([
    { type: "installSnapshotResponse", term: 2 },
  ]);
  expect(server.terms).toEqual([1]);
});

test("a Go leader's repeated snapshots are installed once", () => {
  const server = new Solo({ term: 2 });
  server.stalled = true;
  const snapshot = installSnapshot([5, 2], { term: 2 });
  server.receive(snapshot, snapshot, snapshot);
  server.resume();
  expect(server.receive(snapshot)).toHaveLength(4);
  expect(server.state).toMatchObject({ lastLogIndex: 5, lastApplied: 5 });
});

// --- as the leader of Go followers

test("leaderCommit is capped to what each message verifies: a Go follower commits up to its own end", () => {
  const leader = new Solo({ config: { maxAppendBytes: 1 } }).lead();
  const opening = leader.lastAppend().sequence;
  leader.receive(success(1, { term: 1, from: 1, sequence: opening }));
  for (const text of ["a", "b", "c"]) leader.propose(text);
  leader.receive(success(4, { term: 1, from: 1, sequence: leader.lastAppend().sequence }));
  expect(leader.state.commitIndex).toBe(4);
  // Follower 2 has answered nothing so far; it is brought up one entry at a time.
  const [probe] = leader.receive(conflict(1, -1, { term: 1, from: 2, sequence: opening + 1 }));
  expect(probe).toMatchObject({ to: 2, prevLogIndex: 0, leaderCommit: 1 });
  leader.tick(HEARTBEAT);
  expect(leader.lastAppend(2)).toMatchObject({ prevLogIndex: 0, entries: [], leaderCommit: 0 });
});

/** A leader with entries 1 to 6 of term 1, its own entry 7 of term 2, and the number of its question to follower 1. */
function leaderAndQuestion(config = {}): { leader: Solo; sequence: number } {
  const leader = new Solo({ log: [1, 1, 1, 1, 1, 1], config }).lead();
  return { leader, sequence: leader.lastAppend().sequence };
}

test.each([
  // The leader's last entry of term 1 is 6, but it has just asked there.
  [0, 1, 5],
  [99, -1, 5],
  [7, 2, 5],
  [-1, 3, 0],
  [0, 3, 0],
])(
  "conflictIndex %i with conflictTerm %i is clamped: the next prevLogIndex is %i",
  (index, term, prevLogIndex) => {
    const { leader, sequence } = leaderAndQuestion();
    const next = leader.receive(conflict(index, term, { term: 2, sequence }));
    expect(next).toMatchObject([{ type: "appendEntries", to: 1, prevLogIndex }]);
  },
);

test("every refusal moves the search down, so it ends, whatever the follower says", () => {
  let { leader, sequence } = leaderAndQuestion();
  for (const expected of [5, 4, 3, 2, 1, 0]) {
    const [next] = leader.receive(conflict(99, -1, { term: 2, sequence }));
    expect(next).toMatchObject({ prevLogIndex: expected });
    sequence = next?.sequence ?? 0;
  }
});

test("an answer of a lower term to a snapshot is a sign of life and no match", () => {
  const leader = new Solo({ snapshot: [4, 1], log: [1] }).lead();
  leader.tick(COOLDOWN - 1);
  leader.receive(snapshotAnswer({ term: 1 }));
  leader.tick(COOLDOWN - 1);
  expect(leader.state.role).toBe("leader");
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 0 });
});

test("term 0 says 'my snapshot is beyond that': the search goes up, then down to the floor, and ends in a snapshot", () => {
  const { leader, sequence } = leaderAndQuestion();
  // The Go follower's log is short, so the leader goes down...
  let [question] = leader.receive(conflict(4, -1, { term: 2, sequence }));
  expect(question).toMatchObject({ prevLogIndex: 3 });
  // ...below the follower's snapshot. So it starts again at its end.
  [question] = leader.receive(conflict(0, 0, { term: 0, sequence: question?.sequence ?? 0 }));
  expect(question).toMatchObject({ prevLogIndex: 7 });
  // Down to 5, and then to 3 again, which is known to be below the floor: it takes a snapshot.
  [question] = leader.receive(conflict(6, -1, { term: 2, sequence: question?.sequence ?? 0 }));
  expect(question).toMatchObject({ prevLogIndex: 5 });
  leader.receive(conflict(4, -1, { term: 2, sequence: question?.sequence ?? 0 }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "snapshot" });
});

test("a follower that answers term 0 to everything gets a snapshot after a bounded number of questions", () => {
  let { leader, sequence } = leaderAndQuestion();
  let questions = 0;
  while (leader.state.peers.get(1)?.state === "probe") {
    const [next] = leader.receive(conflict(0, 0, { term: 0, sequence }));
    sequence = next?.sequence ?? 0;
    questions += 1;
    expect(questions).toBeLessThan(10);
  }
  expect(leader.state.peers.get(1)).toMatchObject({ state: "snapshot" });
});

test("a snapshot that was answered is not installed: only an AppendEntries that succeeds shows it", () => {
  const leader = new Solo({ snapshot: [4, 1], log: [1] }).lead();
  leader.receive(conflict(1, -1, { term: 2, sequence: leader.lastAppend().sequence }));
  leader.step({ type: "snapshotSent", to: 1, snapshot: { lastIncludedIndex: 4, lastIncludedTerm: 1 } });
  const probe = leader.lastAppend();
  expect(probe).toMatchObject({ prevLogIndex: 4 });
  expect(leader.state.peers.get(1)).toMatchObject({ state: "probe", matchIndex: 0 });
  // It has answered and not installed: the next transfer waits.
  const refused = leader.receive(conflict(1, -1, { term: 2, sequence: probe.sequence }));
  expect(leader.state.peers.get(1)).toMatchObject({ state: "snapshot" });
  expect(refused.filter(({ type }) => type === "installSnapshot")).toEqual([]);
});

test("a follower whose disk lost what it had confirmed is noticed, no longer counted, and brought up again", () => {
  const leader = new Solo({ log: [1, 1, 1], size: 3 }).lead();
  leader.receive(success(4, { term: 2, sequence: leader.lastAppend().sequence }));
  expect(leader.state.commitIndex).toBe(4);
  leader.tick(HEARTBEAT);
  const asked = leader.lastAppend();
  expect(asked).toMatchObject({ prevLogIndex: 4, entries: [] });
  // The Go node crashed and came back with an empty file.
  const [again] = leader.receive(conflict(1, -1, { term: 2, sequence: asked.sequence }));
  expect(again).toMatchObject({ prevLogIndex: 4 });
  expect(leader.alerts).toEqual([]);
  const [next] = leader.receive(conflict(1, -1, { term: 2, sequence: again?.sequence ?? 0 }));
  expect(leader.alerts).toEqual([{ type: "followerLostLog", peer: 1, confirmed: 4, remaining: 0 }]);
  expect(next).toMatchObject({
    prevLogIndex: 0,
    entries: [{ index: 1 }, { index: 2 }, { index: 3 }, { index: 4 }],
  });
  // What it confirmed before it lost its log no longer counts, however late that answer comes.
  leader.propose("x");
  leader.receive(success(4, { term: 2, sequence: asked.sequence }));
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 0 });
  leader.receive(success(4, { term: 2, sequence: next?.sequence ?? 0 }));
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: 4 });
  expect(leader.state).toMatchObject({ role: "leader", commitIndex: 4 });
});

test("no request has term 0, a prevLogTerm without a prevLogIndex, or entries that do not follow it", () => {
  const leader = new Solo({ size: 7 });
  leader.campaign();
  const votes = leader.sent();
  expect(votes).toHaveLength(6);
  for (const vote of votes) expect(vote).toMatchObject({ term: 1, lastLogIndex: 0, lastLogTerm: 0 });
  const server = new Solo({ log: [1, 1], config: { maxAppendBytes: 60 } }).lead();
  const first = server.lastAppend();
  const messages = [first, ...server.receive(conflict(1, -1, { term: 2, sequence: first.sequence }))];
  server.tick(HEARTBEAT);
  messages.push(...server.sent());
  for (const message of messages) {
    if (message.type !== "appendEntries") throw new Error("unexpected");
    expect(message.term).toBe(2);
    expect(message.prevLogIndex > 0).toBe(message.prevLogTerm > 0);
    expect(message.entries.map(({ index }) => index)).toEqual(
      message.entries.map((_, at) => message.prevLogIndex + 1 + at),
    );
  }
});

// --- what no correct server sends

test.each([
  ["a term of 0", requestVote([0, 0], { term: 0 })],
  ["a term that is no integer", requestVote([0, 0], { term: 1.5 })],
  ["a last entry above the term", requestVote([3, 9], { term: 4 })],
  ["a term without an index", requestVote([0, 2], { term: 4 })],
  ["an index without a term", appendEntries([2, 0], [], { term: 4 })],
  ["entries with a gap", appendEntries([0, 0], [], { term: 4, entries: entriesOf([1], 1) })],
  ["terms that decrease", appendEntries([0, 0], [3, 2], { term: 4 })],
  ["an entry below prevLogTerm", appendEntries([1, 3], [2], { term: 4 })],
  ["an entry above the leader's term", appendEntries([0, 0], [5], { term: 4 })],
  ["an entry of term 0", appendEntries([0, 0], [0], { term: 4 })],
  ["a negative commit", appendEntries([0, 0], [], { term: 4, leaderCommit: -1 })],
  ["a snapshot at a negative index", installSnapshot([-1, 1], { term: 4 })],
])("a request with %s is refused and changes nothing", (_name, request) => {
  const server = new Solo({ log: [1], term: 2 });
  const before = server.state;
  expect(server.receive(request)).toMatchObject([{ type: "refusal", reason: "malformed", term: 2, to: 1 }]);
  expect(server.alerts).toMatchObject([{ type: "refused" }]);
  expect(server.state).toEqual(before);
});

test.each([
  ["a term that is no number", success(1, { term: Number.NaN })],
  ["a negative matchIndex", success(-3, { term: 1 })],
  ["a conflictIndex that is no integer", conflict(0.5, -1, { term: 1 })],
])("an answer with %s is ignored", (_name, answer) => {
  const leader = new Solo().lead();
  const before = leader.state;
  leader.receive(answer);
  expect(leader.state).toEqual(before);
});

test("a message for somebody else, from oneself, or from nobody is ignored", () => {
  const server = new Solo({ term: 1 });
  const before = server.state;
  for (const envelope of [{ to: 2 }, { from: 0 }, { from: -1 }, { from: 0.5 }]) {
    expect(server.receive(requestVote([0, 0], { term: 9, ...envelope }))).toEqual([]);
  }
  expect(server.state).toEqual(before);
});
