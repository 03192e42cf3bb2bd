import { Code, ConnectError } from "@connectrpc/connect";
import type { AppendEntries, Entry, InstallSnapshot, NodeId, RequestVote } from "@eraft/core";
import type {
  AppendEntriesRequest,
  Entry as WireEntry,
  InstallSnapshotRequest,
  RequestVoteRequest,
} from "@eraft/proto/raftpb";
import { notAnEntryTerm, notAPlaceInALog, notFrom } from "../checks.ts";
import { OwnBytes } from "../own-bytes.ts";

/** Whom requests may come from. */
export interface Members {
  readonly self: NodeId;
  isPeer(id: NodeId): boolean;
}

/** The message that a valid request stands for, or the error to answer it with. Nothing of a refused request reaches the core. */
export function decodeRequestVote(
  wire: RequestVoteRequest,
  members: Members,
  sequence: number,
): RequestVote | ConnectError {
  const term = Number(wire.term);
  const from = Number(wire.candidateId);
  const lastLogIndex = Number(wire.lastLogIndex);
  const lastLogTerm = Number(wire.lastLogTerm);
  const fault =
    failed(
      notFrom(1, "term", term) ??
        notFrom(0, "candidate_id", from) ??
        notFrom(0, "last_log_index", lastLogIndex) ??
        notFrom(0, "last_log_term", lastLogTerm) ??
        notAPlaceInALog("last_log_index", lastLogIndex, "last_log_term", lastLogTerm, term),
    ) ?? notAPeer("candidate_id", from, members);
  return fault ?? { type: "requestVote", from, to: members.self, term, sequence, lastLogIndex, lastLogTerm };
}

/** As above. A `leader_commit` above what the message verifies is not an error: Go leaders send it, and it is capped. */
export function decodeAppendEntries(
  wire: AppendEntriesRequest,
  members: Members,
  sequence: number,
): AppendEntries | ConnectError {
  const term = Number(wire.term);
  const from = Number(wire.leaderId);
  const prevLogIndex = Number(wire.prevLogIndex);
  const prevLogTerm = Number(wire.prevLogTerm);
  const leaderCommit = Number(wire.leaderCommit);
  const fault =
    failed(
      notFrom(1, "term", term) ??
        notFrom(0, "leader_id", from) ??
        notFrom(0, "prev_log_index", prevLogIndex) ??
        notFrom(0, "prev_log_term", prevLogTerm) ??
        notFrom(0, "leader_commit", leaderCommit) ??
        notAPlaceInALog("prev_log_index", prevLogIndex, "prev_log_term", prevLogTerm, term),
    ) ?? notAPeer("leader_id", from, members);
  if (fault !== null) return fault;
  const entries: Entry[] = [];
  const bytes = new OwnBytes(wire.entries);
  let previousTerm = prevLogTerm;
  for (const wireEntry of wire.entries) {
    const entry = decodeEntry(wireEntry, bytes, prevLogIndex + entries.length + 1, previousTerm, term);
    if (entry instanceof ConnectError) return entry;
    entries.push(entry);
    previousTerm = entry.term;
  }
  return {
    type: "appendEntries",
    from,
    to: members.self,
    term,
    sequence,
    prevLogIndex,
    prevLogTerm,
    leaderCommit: Math.min(leaderCommit, prevLogIndex + entries.length),
    entries,
  };
}

/** As above. Index 0 is the empty snapshot that a Go leader sends when it has none; it asks for nothing. */
export function decodeInstallSnapshot(
  wire: InstallSnapshotRequest,
  members: Members,
  sequence: number,
): InstallSnapshot | ConnectError {
  const term = Number(wire.term);
  const from = Number(wire.leaderId);
  const lastIncludedIndex = Number(wire.lastIncludedIndex);
  const lastIncludedTerm = Number(wire.lastIncludedTerm);
  const fault =
    failed(
      notFrom(1, "term", term) ??
        notFrom(0, "leader_id", from) ??
        notFrom(0, "last_included_index", lastIncludedIndex) ??
        notFrom(lastIncludedIndex > 0 ? 1 : 0, "last_included_term", lastIncludedTerm) ??
        (lastIncludedTerm > term
          ? `last_included_term ${lastIncludedTerm} is above the request's term ${term}`
          : null),
    ) ?? notAPeer("leader_id", from, members);
  return (
    fault ?? {
      type: "installSnapshot",
      from,
      to: members.self,
      term,
      sequence,
      lastIncludedIndex,
      lastIncludedTerm,
    }
  );
}

function decodeEntry(
  wire: WireEntry,
  bytes: OwnBytes,
  expectedIndex: number,
  previousTerm: number,
  requestTerm: number,
): Entry | ConnectError {
  const index = Number(wire.index);
  const term = Number(wire.term);
  if (!Number.isSafeInteger(index) || index !== expectedIndex) {
    return invalid(`entry index ${wire.index} where ${expectedIndex} was expected`);
  }
  const fault =
    notFrom(1, `term of entry ${index}`, term) ?? notAnEntryTerm(index, term, previousTerm, requestTerm);
  if (fault !== null) return invalid(fault);
  return { index, term, command: bytes.own(wire.command) };
}

function failed(fault: string | null): ConnectError | null {
  return fault === null ? null : invalid(fault);
}

function notAPeer(name: string, id: NodeId, members: Members): ConnectError | null {
  if (id === members.self) return denied(`${name} ${id} is this server itself`);
  if (!members.isPeer(id)) return denied(`${name} ${id} is not in this cluster`);
  return null;
}

function invalid(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}

function denied(text: string): ConnectError {
  return new ConnectError(text, Code.PermissionDenied);
}
