import type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  Message,
  NodeId,
  PreVote,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  Refusal,
  Request,
  RequestVote,
  RequestVoteResponse,
  Response,
} from "@eraft/core";
import { canonical } from "../common/canonical.ts";
import { sampleBytes } from "../common/bytes.ts";

const MAX = Number.MAX_SAFE_INTEGER;

/** A message without the fields that say whose it is. */
export type Body<M extends Message> = M extends Message ? Omit<M, "from" | "to" | "sequence"> : never;

/** What is answered. */
export type Question = Request | PreVote | ReadIndexRequest;

export type Answer = Response | PreVoteResponse | ReadIndexResponse;

const QUESTIONS: ReadonlySet<Message["type"]> = new Set<Question["type"]>([
  "requestVote",
  "appendEntries",
  "installSnapshot",
  "preVote",
  "readIndex",
]);

export function isQuestion(message: Message): message is Question {
  return QUESTIONS.has(message.type);
}

export function isAnswer(message: Message): message is Answer {
  return !isQuestion(message) && message.type !== "timeoutNow";
}

/** All fields of different value, so that two that were swapped are seen; then the ends of what fields can hold. */
export const VOTE_REQUESTS: readonly Body<RequestVote>[] = [
  { type: "requestVote", term: 9, lastLogIndex: 17, lastLogTerm: 5 },
  { type: "requestVote", term: 1, lastLogIndex: 0, lastLogTerm: 0 },
  { type: "requestVote", term: 2 ** 31 + 3, lastLogIndex: 2 ** 32 + 5, lastLogTerm: 2 ** 31 + 1 },
  { type: "requestVote", term: MAX, lastLogIndex: MAX, lastLogTerm: MAX - 1 },
];

export const APPEND_REQUESTS: readonly Body<AppendEntries>[] = [
  append({ term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 16 }),
  append({ term: 1, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0 }),
  append({ term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 18 }, [5, 3], [7, 0], [9, 256]),
  append({ term: 3, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 1 }, [1, 1], [3, 10]),
  append({ term: 2 ** 33, prevLogIndex: 2 ** 32 + 5, prevLogTerm: 2 ** 31, leaderCommit: 2 ** 32 + 6 }, [
    2 ** 32,
    4,
  ]),
  append({ term: MAX, prevLogIndex: MAX - 2, prevLogTerm: MAX - 2, leaderCommit: MAX - 1 }, [MAX - 1, 4]),
  append(
    { term: 6, prevLogIndex: 100, prevLogTerm: 6, leaderCommit: 100 },
    ...Array.from({ length: 300 }, (_, i): [number, number] => [6, i % 9]),
  ),
];

type AppendNumbers = Omit<Body<AppendEntries>, "type" | "entries">;

/** An AppendEntries with an entry for each pair of a term and the size of a command. */
export function append(
  numbers: AppendNumbers,
  ...added: readonly (readonly [term: number, sizeBytes: number])[]
): Body<AppendEntries> {
  const entries = added.map(([term, sizeBytes], i) => {
    const index = numbers.prevLogIndex + 1 + i;
    return { index, term, command: sampleBytes(sizeBytes, index + term) };
  });
  return { type: "appendEntries", ...numbers, entries };
}

export const SNAPSHOT_HEADERS: readonly Body<InstallSnapshot>[] = [
  { type: "installSnapshot", term: 9, lastIncludedIndex: 17, lastIncludedTerm: 5 },
  { type: "installSnapshot", term: MAX, lastIncludedIndex: MAX - 1, lastIncludedTerm: MAX - 2 },
];

/** What a server may answer. A granted vote and a success have the term of the request. */
export const VOTE_ANSWERS: readonly Body<RequestVoteResponse>[] = [
  { type: "requestVoteResponse", term: 9, voteGranted: true },
  { type: "requestVoteResponse", term: 9, voteGranted: false },
  { type: "requestVoteResponse", term: 10, voteGranted: false },
  { type: "requestVoteResponse", term: MAX, voteGranted: false },
];

/** To the third of {@link APPEND_REQUESTS}, which ends at index 20. */
export const APPEND_ANSWERS: readonly Body<AppendEntriesResponse>[] = [
  appendAnswer({ term: 9, success: true, matchIndex: 20 }),
  appendAnswer({ term: 9, conflictIndex: 14, conflictTerm: 4 }),
  appendAnswer({ term: 9, conflictIndex: 6, conflictTerm: -1 }),
  appendAnswer({ term: MAX, conflictIndex: 1, conflictTerm: 0 }),
];

/** An AppendEntriesResponse; what is not given is as in a failure of term 1. */
export function appendAnswer(fields: Partial<Body<AppendEntriesResponse>>): Body<AppendEntriesResponse> {
  return {
    type: "appendEntriesResponse",
    term: 1,
    success: false,
    matchIndex: 0,
    conflictIndex: 0,
    conflictTerm: 0,
    ...fields,
  };
}

export const SNAPSHOT_ANSWERS: readonly Body<InstallSnapshotResponse>[] = [
  { type: "installSnapshotResponse", term: 9 },
  { type: "installSnapshotResponse", term: MAX },
];

export const REFUSALS: readonly Body<Refusal>[] = [
  { type: "refusal", term: 3, reason: "termLeap" },
  { type: "refusal", term: 9, reason: "twoLeaders" },
  { type: "refusal", term: MAX, reason: "malformed" },
];

export function message<M extends Message>(body: Body<M>, from: NodeId, to: NodeId, sequence: number): M {
  return { ...body, from, to, sequence } as unknown as M;
}

export function answerTo(question: Question, body: Body<Answer>): Answer {
  return message<Answer>(body, question.to, question.from, question.sequence);
}

/** The answer of a server that agrees with everything. */
export function agree(question: Question): Body<Answer> {
  const { term } = question;
  switch (question.type) {
    case "requestVote":
      return { type: "requestVoteResponse", term, voteGranted: true };
    case "appendEntries": {
      const matchIndex = question.prevLogIndex + question.entries.length;
      return appendAnswer({ term, success: true, matchIndex });
    }
    case "installSnapshot":
      return { type: "installSnapshotResponse", term };
    case "preVote":
      return { type: "preVoteResponse", term, voteGranted: true };
    case "readIndex":
      return { type: "readIndexResponse", term, readIndex: 17 };
  }
}

/** Equal for messages that say the same, whatever they are numbered. */
export function textOf(message: Message): string {
  return canonical({ ...message, sequence: 0 });
}
