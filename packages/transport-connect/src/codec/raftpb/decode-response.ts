import type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  RequestVote,
  RequestVoteResponse,
} from "@eraft/core";
import type {
  AppendEntriesResponse as WireAppendEntriesResponse,
  InstallSnapshotResponse as WireInstallSnapshotResponse,
  RequestVoteResponse as WireRequestVoteResponse,
} from "@eraft/proto/raftpb";

/**
 * Each function rebuilds the core's response from a reply and the request it answers, or returns a sentence that says why no correct
 * server answers like that. A refusal in a lower term, term 0 and a conflict index outside the log are what Go nodes do send.
 */

export function decodeRequestVoteResponse(
  reply: WireRequestVoteResponse,
  request: RequestVote,
): RequestVoteResponse | string {
  const term = termOf(reply.term);
  if (term === null) return termFault(reply.term);
  if (reply.voteGranted && term !== request.term) {
    return `vote granted in term ${term} to a request of term ${request.term}`;
  }
  return {
    type: "requestVoteResponse",
    from: request.to,
    to: request.from,
    term,
    sequence: request.sequence,
    voteGranted: reply.voteGranted,
  };
}

/** `sent` is how many of the request's entries were in the message. */
export function decodeAppendEntriesResponse(
  reply: WireAppendEntriesResponse,
  request: AppendEntries,
  sent: number,
): AppendEntriesResponse | string {
  const term = termOf(reply.term);
  if (term === null) return termFault(reply.term);
  if (reply.success) {
    // Believing it would count a copy that the follower of another term may not have.
    if (term !== request.term) return `success in term ${term} for a request of term ${request.term}`;
    return response(request, term, true, request.prevLogIndex + sent, 0, 0);
  }
  const conflictIndex = Number(reply.conflictIndex);
  const conflictTerm = Number(reply.conflictTerm);
  if (!Number.isSafeInteger(conflictIndex)) return `conflict_index ${reply.conflictIndex} is out of range`;
  if (!Number.isSafeInteger(conflictTerm) || conflictTerm < -1) {
    return `conflict_term ${reply.conflictTerm} is out of range`;
  }
  return response(request, term, false, 0, conflictIndex, conflictTerm);
}

export function decodeInstallSnapshotResponse(
  reply: WireInstallSnapshotResponse,
  request: InstallSnapshot,
): InstallSnapshotResponse | string {
  const term = termOf(reply.term);
  if (term === null) return termFault(reply.term);
  return {
    type: "installSnapshotResponse",
    from: request.to,
    to: request.from,
    term,
    sequence: request.sequence,
  };
}

function response(
  request: AppendEntries,
  term: number,
  success: boolean,
  matchIndex: number,
  conflictIndex: number,
  conflictTerm: number,
): AppendEntriesResponse {
  return {
    type: "appendEntriesResponse",
    from: request.to,
    to: request.from,
    term,
    sequence: request.sequence,
    success,
    matchIndex,
    conflictIndex,
    conflictTerm,
  };
}

function termOf(value: bigint): number | null {
  const term = Number(value);
  return Number.isSafeInteger(term) && term >= 0 ? term : null;
}

function termFault(value: bigint): string {
  return `term ${value} is out of range`;
}
