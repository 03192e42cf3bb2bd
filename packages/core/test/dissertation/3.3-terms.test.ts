import { expect, test } from "vitest";
import { appendEntries, conflict, installSnapshot, requestVote, voteAnswer } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

test.each([
  ["RequestVote", requestVote([0, 0], { term: 5 })],
  ["AppendEntries", appendEntries([0, 0], [], { term: 5 })],
  ["InstallSnapshot", installSnapshot([0, 0], { term: 5 })],
  ["a vote", voteAnswer(false, { term: 5 })],
  ["an append answer", conflict(0, 0, { term: 5 })],
])("%s of a higher term makes it this server's term", (_name, message) => {
  const server = new Solo({ term: 2 });
  server.receive(message);
  expect(server.state).toMatchObject({ role: "follower", term: 5 });
  expect(server.node.disk.hardState.term).toBe(5);
});

test.each(["candidate", "leader"] as const)("a %s that hears of a higher term becomes a follower", (role) => {
  const server = new Solo({ term: 2 });
  if (role === "leader") server.lead();
  else server.campaign();
  expect(server.state.role).toBe(role);
  server.receive(voteAnswer(false, { term: 9 }));
  expect(server.state).toMatchObject({ role: "follower", term: 9, votedFor: null, leaderId: null });
});

test.each([
  [requestVote([9, 4], { term: 4 }), { type: "requestVoteResponse", term: 5, voteGranted: false }],
  [appendEntries([0, 0], [4], { term: 4 }), { type: "appendEntriesResponse", term: 5, success: false }],
  [installSnapshot([9, 4], { term: 4 }), { type: "installSnapshotResponse", term: 5 }],
])("a request of an earlier term is rejected with the current one", (request, answer) => {
  const server = new Solo({ log: [1], term: 5 });
  expect(server.receive(request)).toEqual([expect.objectContaining({ ...answer, to: 1, sequence: 1 })]);
  expect(server.state).toMatchObject({ term: 5, votedFor: null, leaderId: null, commitIndex: 0 });
  expect(server.terms).toEqual([1]);
});

test("an answer of an earlier term changes nothing", () => {
  const server = new Solo({ term: 2 }).lead();
  const before = server.state;
  server.receive(voteAnswer(true, { term: 2, from: 2 }), conflict(1, -1, { term: 2 }));
  expect(server.state).toEqual(before);
});

test("a term further away than any cluster can get is refused, and the term stays usable", () => {
  const server = new Solo({ term: 2 });
  const answers = server.receive(requestVote([0, 0], { term: Number.MAX_SAFE_INTEGER }));
  expect(answers).toEqual([expect.objectContaining({ type: "refusal", reason: "termLeap", term: 2 })]);
  expect(server.alerts).toEqual([expect.objectContaining({ type: "refused" })]);
  server.receive(voteAnswer(false, { term: Number.MAX_SAFE_INTEGER }));
  expect(server.state.term).toBe(2);
});
