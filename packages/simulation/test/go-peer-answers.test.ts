import { expect, test } from "vitest";
import { GoDisk, type GoEntry, GoPeer, type GoRole } from "../src/go-peer/index.ts";
import {
  readRecordedCases,
  type RecordedAppendReply,
  type RecordedCase,
  type RecordedState,
  type RecordedStep,
} from "./go-peer-golden/read.ts";

const ROLES: Record<RecordedState[0], GoRole> = { F: "Follower", C: "Candidate", L: "Leader" };
const COMMAND = Uint8Array.of(1);
const NO_DATA = new Uint8Array(0);

const cases = readRecordedCases();

test("the recording is whole: 700 followers with 7,000 answers and 300 leaders", () => {
  const followers = cases.filter((recorded) => recorded[0] === "F");
  expect(followers).toHaveLength(700);
  expect(followers.flatMap((recorded) => recorded[3])).toHaveLength(7000);
  expect(cases.filter((recorded) => recorded[0] === "L")).toHaveLength(300);
});

test("the model of a Go node gives all 7,300 recorded answers, and is in the recorded state after each", () => {
  let answers = 0;
  for (const [number, recorded] of cases.entries()) {
    for (const [step, { expected, got }] of [...replay(recorded)].entries()) {
      expect(got, `case ${number}, step ${step}`).toEqual(expected);
      answers += 1;
    }
  }
  console.info(`${answers} recorded answers reproduced`);
  expect(answers).toBe(7300);
});

interface Comparison {
  readonly expected: unknown;
  readonly got: unknown;
}

function* replay(recorded: RecordedCase): Generator<Comparison, void> {
  if (recorded[0] === "F") {
    const [, size, init, steps] = recorded;
    const peer = peerIn(size, init);
    for (const step of steps) {
      const [rpc, request, reply, state] = step;
      yield {
        expected: { rpc, request, reply, state },
        got: { rpc, request, reply: answer(peer, step), state: stateOf(peer) },
      };
    }
  } else {
    const [, size, init, nextIndex, matchIndex, request, reply, state, nextIndexAfter, matchIndexAfter] =
      recorded;
    const peer = peerIn(size, init, { nextIndex, matchIndex });
    handleReply(peer, request, reply);
    const after = peer.inspect();
    yield {
      expected: { request, reply, state, nextIndex: nextIndexAfter, matchIndex: matchIndexAfter },
      got: {
        request,
        reply,
        state: stateOf(peer),
        nextIndex: after.nextIndex,
        matchIndex: after.matchIndex,
      },
    };
  }
}

function answer(peer: GoPeer, [rpc, request]: RecordedStep): RecordedStep[2] {
  switch (rpc) {
    case "V": {
      const [term, candidateId, lastLogIndex, lastLogTerm] = request;
      const reply = peer.requestVote({ term, candidateId, lastLogIndex, lastLogTerm });
      return [reply.term, bit(reply.voteGranted)];
    }
    case "A": {
      const [term, leaderId, prevLogIndex, prevLogTerm, leaderCommit, entryTerms] = request;
      const entries = entriesAfter(prevLogIndex, entryTerms);
      const reply = peer.appendEntries({
        term,
        leaderId,
        prevLogIndex,
        prevLogTerm,
        leaderCommit,
        entries,
      });
      return [reply.term, bit(reply.success), reply.conflictIndex, reply.conflictTerm];
    }
    case "I": {
      const [term, leaderId, lastIncludedIndex, lastIncludedTerm] = request;
      const reply = peer.installSnapshot({
        term,
        leaderId,
        lastIncludedIndex,
        lastIncludedTerm,
        data: NO_DATA,
      });
      const [delivered] = peer.takeSnapshots();
      if (delivered === undefined) return [reply.term, 0, -1];
      const installed = peer.condInstallSnapshot(
        delivered.lastIncludedTerm,
        delivered.lastIncludedIndex,
        delivered.data,
      );
      return [reply.term, 1, bit(installed)];
    }
  }
}

function handleReply(
  peer: GoPeer,
  [term, prevLogIndex, prevLogTerm, entries]: [number, number, number, number],
  [replyTerm, success, conflictIndex, conflictTerm]: RecordedAppendReply,
): void {
  const sent = peer
    .inspect()
    .log.filter(({ index }) => index > prevLogIndex)
    .slice(0, entries);
  peer.replied(
    {
      rpc: "appendEntries",
      to: 1,
      caller: "heartbeat",
      request: { term, leaderId: 0, prevLogIndex, prevLogTerm, leaderCommit: 0, entries: sent },
    },
    { term: replyTerm, success: success === 1, conflictIndex, conflictTerm },
  );
}

function peerIn(
  size: number,
  [role, term, votedFor, commitIndex, first, terms]: RecordedState,
  progress: { nextIndex?: number[]; matchIndex?: number[] } = {},
): GoPeer {
  const disk = new GoDisk();
  const [dummyTerm = 0, ...entryTerms] = terms;
  const log = [{ index: first, term: dummyTerm, command: null }, ...entriesAfter(first, entryTerms)];
  disk.saveState({ term, votedFor, log });
  return new GoPeer({
    id: 0,
    size,
    disk,
    seed: 1,
    volatile: { role: ROLES[role], commitIndex, ...progress },
  });
}

function entriesAfter(index: number, terms: readonly number[]): GoEntry[] {
  return terms.map((term, at) => ({ index: index + 1 + at, term, command: COMMAND }));
}

function stateOf(peer: GoPeer): RecordedState {
  const { role, term, votedFor, commitIndex, log } = peer.inspect();
  const letters = { Follower: "F", Candidate: "C", Leader: "L" } as const;
  const first = log[0]?.index ?? Number.NaN;
  return [letters[role], term, votedFor, commitIndex, first, log.map((entry) => entry.term)];
}

function bit(flag: boolean): 0 | 1 {
  return flag ? 1 : 0;
}
