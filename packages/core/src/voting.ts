import type { PreVote, RequestVote } from "./messages.ts";
import type { Server } from "./server.ts";

/** Answers a RequestVote of this server's own term (dissertation, Figure 3.1, RequestVote, receiver implementation). */
export function answerRequestVote(server: Server, request: RequestVote): void {
  const { votedFor, mayVote } = server;
  // Not asked: whether the candidate is a voter, or this server is one. Both may have changed in entries that only one of the two has, and a cluster in
  // which the voters wait for each other's news elects nobody (4.2.2).
  const isFree = votedFor === null || votedFor === request.from;
  const voteGranted = isFree && mayVote && isUpToDate(server, request);
  if (voteGranted) {
    if (votedFor === null) server.setHardState(server.term, request.from);
    server.restartElectionTimer();
  }
  server.sendWhenDurable({
    type: "requestVoteResponse",
    from: server.id,
    to: request.from,
    term: server.term,
    sequence: request.sequence,
    voteGranted,
  });
}

/**
 * Answers whether this server would vote for the sender in the term after the sender's (9.6). Neither the term, nor the vote, nor the election timer
 * changes: whoever asks in vain, again and again, must not keep others from standing.
 */
export function answerPreVote(server: Server, request: PreVote): void {
  // A leader that has given up may ask those who still think that it leads.
  const leads = server.timer.isLeaderRecent && server.leaderId !== request.from;
  const wouldVote = server.mayVote && isUpToDate(server, request);
  const voteGranted = !leads && request.term >= server.term && wouldVote;
  server.sendInDurableTerm({
    type: "preVoteResponse",
    from: server.id,
    to: request.from,
    // With a higher term than the sender's it goes there first: it could never be elected below.
    term: server.term,
    sequence: request.sequence,
    voteGranted,
  });
}

/**
 * Whether to ignore a candidate because there is a leader: it was cut off, or removed and does not know (4.2.3). Not if the leader itself
 * sent it (3.10).
 */
export function isDisruptive(server: Server, request: RequestVote): boolean {
  const { config, timer, leaderId } = server;
  if (!config.preVote || request.leadershipTransfer === true) return false;
  return timer.isLeaderRecent && leaderId !== request.from;
}

function isUpToDate({ log }: Server, { lastLogTerm, lastLogIndex }: RequestVote | PreVote): boolean {
  // "At least as up-to-date" (3.6.1): the later last term wins; with equal terms, the longer log.
  if (lastLogTerm !== log.lastTerm) return lastLogTerm > log.lastTerm;
  return lastLogIndex >= log.lastIndex;
}
