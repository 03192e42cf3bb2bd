import type { LogIndex, NodeId, Term } from "@eraft/core";

/** "Nobody", as a Go node writes it: never on the wire, but not kept apart from a candidate that calls itself -1 either. */
export const NOBODY = -1;

export type GoRole = "Follower" | "Candidate" | "Leader";

/** One element of a Go node's log. The element at position 0 is a dummy for the snapshot, or for "before the log". */
export interface GoEntry {
  readonly index: LogIndex;
  readonly term: Term;
  /** null in the dummy only. */
  readonly command: Uint8Array | null;
}

export interface GoRequestVote {
  readonly term: Term;
  readonly candidateId: NodeId;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

export interface GoRequestVoteReply {
  readonly term: Term;
  readonly voteGranted: boolean;
}

export interface GoAppendEntries {
  readonly term: Term;
  readonly leaderId: NodeId;
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  readonly leaderCommit: LogIndex;
  readonly entries: readonly GoEntry[];
}

export interface GoAppendEntriesReply {
  readonly term: Term;
  readonly success: boolean;
  readonly conflictIndex: LogIndex;
  readonly conflictTerm: number;
}

export interface GoInstallSnapshot {
  readonly term: Term;
  readonly leaderId: NodeId;
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  readonly data: Uint8Array;
}

export interface GoInstallSnapshotReply {
  readonly term: Term;
}

/**
 * Which goroutine makes a call: an election, a heartbeat, or the peer's replicator, which alone goes on with the next round as soon as its call
 * ends, whichever way it ended.
 */
export type GoCaller = "election" | "heartbeat" | "replicator";

/** An RPC that a Go node makes. Exactly one of `replied` and `failed` follows. */
export type GoCall =
  | {
      readonly rpc: "requestVote";
      readonly to: NodeId;
      readonly caller: GoCaller;
      readonly request: GoRequestVote;
    }
  | {
      readonly rpc: "appendEntries";
      readonly to: NodeId;
      readonly caller: GoCaller;
      readonly request: GoAppendEntries;
    }
  | {
      readonly rpc: "installSnapshot";
      readonly to: NodeId;
      readonly caller: GoCaller;
      readonly request: GoInstallSnapshot;
    };

/** A plain copy of what a Go node knows. */
export interface GoPeerState {
  readonly role: GoRole;
  readonly term: Term;
  readonly votedFor: NodeId;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  /** The dummy first. */
  readonly log: readonly GoEntry[];
  readonly nextIndex: readonly LogIndex[];
  readonly matchIndex: readonly LogIndex[];
}
