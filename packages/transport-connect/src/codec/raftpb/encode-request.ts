import { create } from "@bufbuild/protobuf";
import type { AppendEntries, InstallSnapshot, RequestVote } from "@eraft/core";
import {
  AppendEntriesRequestSchema,
  EntrySchema,
  InstallSnapshotRequestSchema,
  RequestVoteRequestSchema,
} from "@eraft/proto/raftpb";
import type {
  AppendEntriesRequest,
  Entry as WireEntry,
  InstallSnapshotRequest,
  RequestVoteRequest,
} from "@eraft/proto/raftpb";

export function encodeRequestVote(message: RequestVote): RequestVoteRequest {
  return create(RequestVoteRequestSchema, {
    term: BigInt(message.term),
    candidateId: BigInt(message.from),
    lastLogIndex: BigInt(message.lastLogIndex),
    lastLogTerm: BigInt(message.lastLogTerm),
  });
}

/**
 * Encodes the first `count` entries.
 *
 * `leader_commit` never exceeds what the message verifies. If it did, a Go follower would break: with entries 5 and 6 of an old term
 * still in its log, an empty heartbeat at prev 4 with commit 6 makes it apply both, although nobody ever compared them.
 */
export function encodeAppendEntries(message: AppendEntries, count: number): AppendEntriesRequest {
  const entries: WireEntry[] = [];
  for (let i = 0; i < count; i += 1) {
    const entry = message.entries[i];
    if (entry === undefined) break;
    entries.push(
      create(EntrySchema, {
        index: BigInt(entry.index),
        term: BigInt(entry.term),
        command: entry.command,
      }),
    );
  }
  return create(AppendEntriesRequestSchema, {
    term: BigInt(message.term),
    leaderId: BigInt(message.from),
    prevLogIndex: BigInt(message.prevLogIndex),
    prevLogTerm: BigInt(message.prevLogTerm),
    leaderCommit: BigInt(Math.min(message.leaderCommit, message.prevLogIndex + entries.length)),
    entries,
  });
}

export function encodeInstallSnapshot(header: InstallSnapshot, data: Uint8Array): InstallSnapshotRequest {
  return create(InstallSnapshotRequestSchema, {
    term: BigInt(header.term),
    leaderId: BigInt(header.from),
    lastIncludedIndex: BigInt(header.lastIncludedIndex),
    lastIncludedTerm: BigInt(header.lastIncludedTerm),
    data,
  });
}
