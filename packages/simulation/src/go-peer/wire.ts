import type { AppendEntries, InstallSnapshot, Message, NodeId, Request, Response } from "@eraft/core";
import type { GoReply } from "./go-peer.ts";
import type {
  GoAppendEntries,
  GoAppendEntriesReply,
  GoCall,
  GoInstallSnapshot,
  GoInstallSnapshotReply,
  GoRequestVote,
  GoRequestVoteReply,
} from "./types.ts";

/**
 * The unary wire, as the core's messages: a sequence ties a reply to its call and is nothing the Go node knows of, a reply has no match index of its
 * own, and the snapshot's data travel beside the header.
 */

const NO_COMMAND = new Uint8Array(0);

/** A call as the message that the other side's server receives. */
export function toRequest(call: GoCall, from: NodeId, sequence: number): Request {
  const { rpc: type, to, request } = call;
  const envelope = { from, to, term: request.term, sequence };
  switch (type) {
    case "requestVote": {
      const { lastLogIndex, lastLogTerm } = call.request;
      return { type, ...envelope, lastLogIndex, lastLogTerm };
    }
    case "appendEntries": {
      const { prevLogIndex, prevLogTerm, leaderCommit } = call.request;
      const entries = call.request.entries.map((entry) => ({
        ...entry,
        command: entry.command ?? NO_COMMAND,
      }));
      return { type, ...envelope, prevLogIndex, prevLogTerm, leaderCommit, entries };
    }
    case "installSnapshot": {
      const { lastIncludedIndex, lastIncludedTerm } = call.request;
      return { type, ...envelope, lastIncludedIndex, lastIncludedTerm };
    }
  }
}

/** What a Go node gets to see of an answer to its call; null for an answer of the wrong kind or an error. */
export function toReply(call: GoCall, response: Response): GoReply | null {
  switch (response.type) {
    case "requestVoteResponse": {
      const { term, voteGranted } = response;
      return call.rpc === "requestVote" ? { term, voteGranted } : null;
    }
    case "appendEntriesResponse": {
      const { term, success, conflictIndex, conflictTerm } = response;
      return call.rpc === "appendEntries" ? { term, success, conflictIndex, conflictTerm } : null;
    }
    case "installSnapshotResponse":
      return call.rpc === "installSnapshot" ? { term: response.term } : null;
    case "refusal":
      return null;
  }
}

export function toGoVote({
  from,
  term,
  lastLogIndex,
  lastLogTerm,
}: Extract<Request, { type: "requestVote" }>): GoRequestVote {
  return { term, candidateId: from, lastLogIndex, lastLogTerm };
}

export function toGoAppend({
  from,
  term,
  prevLogIndex,
  prevLogTerm,
  leaderCommit,
  entries,
}: AppendEntries): GoAppendEntries {
  return { term, leaderId: from, prevLogIndex, prevLogTerm, leaderCommit, entries };
}

export function toGoInstall(
  { from, term, lastIncludedIndex, lastIncludedTerm }: InstallSnapshot,
  data: Uint8Array,
): GoInstallSnapshot {
  return { term, leaderId: from, lastIncludedIndex, lastIncludedTerm, data };
}

export function voteResponse(request: Request, { term, voteGranted }: GoRequestVoteReply): Message {
  return { type: "requestVoteResponse", ...reversed(request), term, voteGranted };
}

/** The caller's adapter holds the request, so it knows what a success matches. A failure is passed on as it is, term 0 and -1 included. */
export function appendResponse(request: AppendEntries, reply: GoAppendEntriesReply): Message {
  const matchIndex = reply.success ? request.prevLogIndex + request.entries.length : 0;
  return { type: "appendEntriesResponse", ...reversed(request), ...reply, matchIndex };
}

export function installResponse(request: Request, { term }: GoInstallSnapshotReply): Message {
  return { type: "installSnapshotResponse", ...reversed(request), term };
}

function reversed({ from, to, sequence }: Request): { from: NodeId; to: NodeId; sequence: number } {
  return { from: to, to: from, sequence };
}

/** Bytes on the wire, roughly: what the receive limit is compared with. */
export function sizeBytes(message: Message, snapshot: Uint8Array | null): number {
  const entries = message.type === "appendEntries" ? message.entries : [];
  return entries.reduce((bytes, { command }) => bytes + command.length + 16, 64 + (snapshot?.length ?? 0));
}
