import type { LogIndex, Term } from "@eraft/core";
import type { GoLog } from "./log.ts";
import type { GoServer } from "./server.ts";
import {
  type GoAppendEntries,
  type GoAppendEntriesReply,
  type GoInstallSnapshot,
  type GoInstallSnapshotReply,
  type GoRequestVote,
  type GoRequestVoteReply,
  NOBODY,
} from "./types.ts";

/** Answers RequestVote, and rewrites the state file whatever the answer. */
export function answerRequestVote(server: GoServer, request: GoRequestVote): GoRequestVoteReply {
  const voteGranted = vote(server, request);
  server.persist();
  return { term: server.term, voteGranted };
}

function vote(server: GoServer, request: GoRequestVote): boolean {
  if (request.term < server.term) return false;
  if (request.term === server.term) {
    // A vote for "candidate -1" is granted and looks like no vote afterwards (S7).
    if (server.votedFor !== NOBODY && server.votedFor !== request.candidateId) return false;
  } else {
    server.become("Follower");
    server.term = request.term;
    server.votedFor = NOBODY;
  }
  if (!server.log.isUpToDate(request.lastLogTerm, request.lastLogIndex)) return false;
  server.votedFor = request.candidateId;
  server.restartElectionTimer();
  return true;
}

/** Answers AppendEntries. The state file is rewritten even when the handler panics: Go runs what was deferred before the process dies. */
export function answerAppendEntries(server: GoServer, request: GoAppendEntries): GoAppendEntriesReply {
  try {
    return append(server, request);
  } finally {
    server.persist();
  }
}

function append(server: GoServer, request: GoAppendEntries): GoAppendEntriesReply {
  const { log } = server;
  const { prevLogIndex, prevLogTerm, entries, leaderCommit } = request;
  if (request.term < server.term) return failure(server.term, 0, 0);
  followLeader(server, request.term);
  // Term 0: a message of defaults only, which a Go leader does not listen to (L2).
  if (prevLogIndex < log.firstIndex) return failure(0, 0, 0);
  if (prevLogIndex > log.lastIndex) return failure(server.term, log.lastIndex + 1, -1);
  if (!log.matches(prevLogTerm, prevLogIndex)) {
    return failure(server.term, beforeTermOf(log, prevLogIndex), log.termAt(prevLogIndex));
  }
  log.merge(entries);
  // Up to its own last entry, verified by this message or not (S4).
  server.commitIndex = Math.max(server.commitIndex, Math.min(leaderCommit, log.lastIndex));
  return { term: server.term, success: true, conflictIndex: 0, conflictTerm: 0 };
}

/** One less than the first index of the run of terms that `index` lies in: 0 or -1 on occasion (L8). */
function beforeTermOf(log: GoLog, index: LogIndex): LogIndex {
  const term = log.termAt(index);
  let before = index - 1;
  while (before >= log.firstIndex && log.termAt(before) === term) before -= 1;
  return before;
}

function failure(term: Term, conflictIndex: LogIndex, conflictTerm: number): GoAppendEntriesReply {
  return { term, success: false, conflictIndex, conflictTerm };
}

/** Answers InstallSnapshot at once, with the term from before: the data is neither installed nor durable yet (L7). */
export function answerInstallSnapshot(server: GoServer, request: GoInstallSnapshot): GoInstallSnapshotReply {
  const reply = { term: server.term };
  if (request.term < server.term) return reply;
  const isNewTerm = request.term > server.term;
  followLeader(server, request.term);
  if (isNewTerm) server.persist();
  if (request.lastIncludedIndex > server.commitIndex) server.snapshots.push(request);
  return reply;
}

/** Installs a snapshot that went through the service's queue. False if it is outdated by now. */
export function condInstallSnapshot(
  server: GoServer,
  lastIncludedTerm: Term,
  lastIncludedIndex: LogIndex,
  data: Uint8Array,
): boolean {
  if (lastIncludedIndex <= server.commitIndex) return false;
  server.log.install(lastIncludedIndex, lastIncludedTerm);
  server.lastApplied = lastIncludedIndex;
  server.commitIndex = lastIncludedIndex;
  server.persistWithSnapshot(data);
  return true;
}

function followLeader(server: GoServer, term: Term): void {
  if (term > server.term) {
    server.term = term;
    server.votedFor = NOBODY;
  }
  server.become("Follower");
  server.restartElectionTimer();
}
