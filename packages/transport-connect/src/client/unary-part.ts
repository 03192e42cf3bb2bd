import type { AppendEntries, Message, RequestVote } from "@eraft/core";
import type { StreamRequest } from "../codec/peer/encode-request.ts";
import { entriesBytes } from "../codec/sizes.ts";
import { PeerError } from "../peer-error.ts";
import type { Outgoing } from "./outgoing.ts";

/** A request that raftpb.RaftService has a call for. */
export interface UnaryRequest extends Outgoing {
  readonly message: RequestVote | AppendEntries;
}

/** The answer that a peer which speaks only raftpb.RaftService is taken to give to what it does not know; null for what it does know. */
export function answerFor(message: StreamRequest): Message | null {
  const { type, from, to, term, sequence } = message;
  const envelope = { from: to, to: from, term, sequence };
  // Go nodes have no pre-vote: they would vote. Whoever asks them is none the wiser, and goes on to ask for their votes.
  if (type === "preVote") return { type: "preVoteResponse", ...envelope, voteGranted: true };
  if (type === "readIndex") return { type: "readIndexResponse", ...envelope, readIndex: -1 };
  return null;
}

/**
 * As much of a request as that contract can carry: null for nothing, an error if that matters. It has no configurations, and a peer that took such an
 * entry for an ordinary one would count votes by another cluster than we do.
 */
export function unaryPart(item: Outgoing, address: string): UnaryRequest | PeerError | null {
  const { message, count } = item;
  if (message.type === "requestVote") return { ...item, message };
  if (message.type !== "appendEntries") return null;
  const entries = message.entries.slice(0, count);
  const foreign = entries.findIndex(({ configuration }) => configuration !== undefined);
  if (foreign === -1) return { ...item, message };
  if (foreign > 0) return { message, count: foreign, sizeBytes: entriesBytes(entries.slice(0, foreign)) };
  const text = `raftpb.RaftService, all that it speaks, cannot carry entry ${entries[0]?.index}, a configuration`;
  return new PeerError("unsupported", `${address}: ${text}`);
}
