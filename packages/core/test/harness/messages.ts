import type {
  AppendEntries,
  AppendEntriesResponse,
  Entry,
  InstallSnapshot,
  InstallSnapshotResponse,
  LogIndex,
  Message,
  PreVote,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVote,
  RequestVoteResponse,
  Term,
  TimeoutNow,
} from "@eraft/core";
import { configurationOf } from "./members.ts";
import { bytesOf } from "./text.ts";

/** Messages as tests write them: from server 1 to server 0 unless said otherwise. */
const envelope = { from: 1, to: 0, sequence: 1 };

type Fields<M extends Message> = Partial<Omit<M, "type">> & { readonly term: Term };

/** A place in a log: an index and the term of the entry there. */
export type Position = readonly [index: LogIndex, term: Term];

/** Entries of these terms, following index `after`. */
export function entriesOf(terms: readonly Term[], after: LogIndex = 0): Entry[] {
  return terms.map((term, at) => {
    const index = after + 1 + at;
    return { index, term, command: bytesOf(`command ${index} of term ${term}`) };
  });
}

export function requestVote(last: Position, fields: Fields<RequestVote>): RequestVote {
  const [lastLogIndex, lastLogTerm] = last;
  return { type: "requestVote", ...envelope, lastLogIndex, lastLogTerm, ...fields };
}

export function voteAnswer(voteGranted: boolean, fields: Fields<RequestVoteResponse>): RequestVoteResponse {
  return { type: "requestVoteResponse", ...envelope, voteGranted, ...fields };
}

export function preVote(last: Position, fields: Fields<PreVote>): PreVote {
  const [lastLogIndex, lastLogTerm] = last;
  return { type: "preVote", ...envelope, lastLogIndex, lastLogTerm, ...fields };
}

export function preVoteAnswer(voteGranted: boolean, fields: Fields<PreVoteResponse>): PreVoteResponse {
  return { type: "preVoteResponse", ...envelope, voteGranted, ...fields };
}

export function timeoutNow(fields: Fields<TimeoutNow>): TimeoutNow {
  return { type: "timeoutNow", ...envelope, ...fields };
}

export function readIndex(fields: Fields<ReadIndexRequest>): ReadIndexRequest {
  return { type: "readIndex", ...envelope, ...fields };
}

export function readIndexAnswer(index: LogIndex, fields: Fields<ReadIndexResponse>): ReadIndexResponse {
  return { type: "readIndexResponse", ...envelope, readIndex: index, ...fields };
}

/** A configuration entry; `members` as `configurationOf` reads them. */
export function configurationEntry([index, term]: Position, members: string): Entry {
  return { index, term, command: new Uint8Array(0), configuration: configurationOf(members) };
}

/** AppendEntries with entries of `terms` after `prev`. */
export function appendEntries(
  prev: Position,
  terms: readonly Term[],
  fields: Fields<AppendEntries>,
): AppendEntries {
  const [prevLogIndex, prevLogTerm] = prev;
  const entries = entriesOf(terms, prevLogIndex);
  return {
    type: "appendEntries",
    ...envelope,
    prevLogIndex,
    prevLogTerm,
    leaderCommit: 0,
    entries,
    ...fields,
  };
}

export function success(matchIndex: LogIndex, fields: Fields<AppendEntriesResponse>): AppendEntriesResponse {
  const rest = { success: true, matchIndex, conflictIndex: 0, conflictTerm: 0 };
  return { type: "appendEntriesResponse", ...envelope, ...rest, ...fields };
}

export function conflict(
  conflictIndex: number,
  conflictTerm: number,
  fields: Fields<AppendEntriesResponse>,
): AppendEntriesResponse {
  const rest = { success: false, matchIndex: 0, conflictIndex, conflictTerm };
  return { type: "appendEntriesResponse", ...envelope, ...rest, ...fields };
}

export function installSnapshot(last: Position, fields: Fields<InstallSnapshot>): InstallSnapshot {
  const [lastIncludedIndex, lastIncludedTerm] = last;
  return { type: "installSnapshot", ...envelope, lastIncludedIndex, lastIncludedTerm, ...fields };
}

export function snapshotAnswer(fields: Fields<InstallSnapshotResponse>): InstallSnapshotResponse {
  return { type: "installSnapshotResponse", ...envelope, ...fields };
}
