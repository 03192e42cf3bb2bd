import { create } from "@bufbuild/protobuf";
import type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshotResponse,
  RequestVoteResponse,
} from "@eraft/core";
import {
  AppendEntriesResponseSchema,
  InstallSnapshotResponseSchema,
  RequestVoteResponseSchema,
} from "@eraft/proto/raftpb";
import type {
  AppendEntriesResponse as WireAppendEntriesResponse,
  InstallSnapshotResponse as WireInstallSnapshotResponse,
  RequestVoteResponse as WireRequestVoteResponse,
} from "@eraft/proto/raftpb";

export function encodeRequestVoteResponse(response: RequestVoteResponse): WireRequestVoteResponse {
  return create(RequestVoteResponseSchema, {
    term: BigInt(response.term),
    voteGranted: response.voteGranted,
  });
}

/**
 * Encodes the answer to `request`.
 *
 * A `conflict_index` beyond the leader's log ends the process of a Go leader (it slices its log there), and one below 1 makes it send a
 * snapshot that does not exist, so a failure always names an index from 1 to one past what the request reached.
 */
export function encodeAppendEntriesResponse(
  response: AppendEntriesResponse,
  request: AppendEntries,
): WireAppendEntriesResponse {
  const term = BigInt(response.term);
  if (response.success) return create(AppendEntriesResponseSchema, { term, success: true });
  const highest = request.prevLogIndex + request.entries.length + 1;
  const conflictIndex = Math.max(1, Math.min(response.conflictIndex, highest));
  return create(AppendEntriesResponseSchema, {
    term,
    conflictIndex: BigInt(conflictIndex),
    conflictTerm: BigInt(response.conflictTerm),
  });
}

export function encodeInstallSnapshotResponse(
  response: InstallSnapshotResponse,
): WireInstallSnapshotResponse {
  return create(InstallSnapshotResponseSchema, { term: BigInt(response.term) });
}
