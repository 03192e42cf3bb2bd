import { broadcastHeartbeat } from "./leader.ts";
import { type GoServer, nextTerm } from "./server.ts";
import type { GoRequestVote, GoRequestVoteReply } from "./types.ts";

/**
 * The election timer went off. It asks nothing: whoever won, voted or heard a leader between the timer's firing and the lock stands for election all
 * the same (L12). There is no pre-vote either (L11).
 */
export function startElection(server: GoServer): void {
  server.become("Candidate");
  server.term = nextTerm(server.term);
  server.votedFor = server.id;
  server.grantedVotes = 1;
  const request: GoRequestVote = {
    term: server.term,
    candidateId: server.id,
    lastLogIndex: server.log.lastIndex,
    lastLogTerm: server.log.lastTerm,
  };
  server.persist();
  for (const to of server.peers) server.calls.push({ rpc: "requestVote", to, caller: "election", request });
  // Votes are counted where replies are handled, so a single node never counts its own (L1).
  server.restartElectionTimer();
}

/** A vote counts whatever term the reply names (S9). */
export function handleVote(server: GoServer, request: GoRequestVote, reply: GoRequestVoteReply): void {
  if (server.role !== "Candidate" || server.term !== request.term) return;
  if (reply.voteGranted) {
    server.grantedVotes += 1;
    if (server.grantedVotes <= Math.floor(server.size / 2)) return;
    server.become("Leader");
    broadcastHeartbeat(server);
  } else if (reply.term > server.term) {
    server.stepDown(reply.term);
  }
}
