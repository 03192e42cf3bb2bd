import type { RequestVote } from "./messages.ts";
import type { Server } from "./server.ts";

/** Answers a RequestVote of this server's own term (dissertation, Figure 3.1, RequestVote, receiver implementation). */
export function answerRequestVote(server: Server, request: RequestVote): void {
  const voteGranted = mayVoteFor(server, request);
  if (voteGranted) {
    if (server.votedFor === null) server.setHardState(server.term, request.from);
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

function mayVoteFor({ votedFor, log }: Server, { from, lastLogTerm, lastLogIndex }: RequestVote): boolean {
  if (votedFor !== null && votedFor !== from) return false;
  // "At least as up-to-date" (3.6.1): the later last term wins; with equal terms, the longer log.
  if (lastLogTerm !== log.lastTerm) return lastLogTerm > log.lastTerm;
  return lastLogIndex >= log.lastIndex;
}
