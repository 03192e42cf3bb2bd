import type { LogIndex, NodeId, PeerState, RaftState, RoleName, Term } from "@eraft/core";
import type { NodeFailedError } from "./errors.ts";
import type { Peers } from "./peers.ts";

/** A node goes through these in order; `failed` may come after any before `stopping`. Only one that is `running` serves. */
export type Phase = "created" | "starting" | "running" | "failed" | "stopping" | "stopped";

/** What a node knows of itself, copied at one moment. */
export interface NodeStatus {
  readonly id: NodeId;
  readonly phase: Phase;
  /** Null unless running: a node that has failed leads nobody, whatever it last was. */
  readonly role: RoleName | null;
  readonly term: Term;
  readonly leaderId: NodeId | null;
  readonly leaderAddress: string | null;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly lastLogIndex: LogIndex;
  /** The last entry that the stored snapshot stands for, 0 without one. */
  readonly snapshotIndex: LogIndex;
  /** Bytes of the log in memory. */
  readonly logBytes: number;
  /** Bytes that the storage occupies; 0 unless running. */
  readonly storageBytes: number;
  /** Proposals and reads that wait for their answer. */
  readonly pendingRequests: number;
  /** Why the node serves no more. */
  readonly failure: NodeFailedError | null;
  /** The other servers. */
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly id: NodeId;
  readonly address: string;
  /** How a leader sends to it; null on the other servers, as are the two indexes. */
  readonly state: PeerState["state"] | null;
  readonly nextIndex: LogIndex | null;
  readonly matchIndex: LogIndex | null;
  /** Milliseconds since its last message; null if there was none. */
  readonly lastContactMs: number | null;
  /** Why it was last unreachable; null once it has been heard again. */
  readonly lastError: Error | null;
}

export function statusOf(view: {
  readonly id: NodeId;
  readonly phase: Phase;
  readonly raft: RaftState | null;
  readonly peers: Peers;
  readonly lastApplied: LogIndex;
  readonly storageBytes: number;
  readonly pendingRequests: number;
  readonly failure: NodeFailedError | null;
}): NodeStatus {
  const { id, phase, raft, peers, failure, lastApplied, storageBytes, pendingRequests } = view;
  const isRunning = phase === "running";
  const leaderId = isRunning && raft ? raft.leaderId : null;
  return {
    id,
    phase,
    role: isRunning && raft ? raft.role : null,
    term: raft?.term ?? 0,
    leaderId,
    leaderAddress: peers.addressOf(leaderId),
    commitIndex: raft?.commitIndex ?? 0,
    lastApplied,
    lastLogIndex: raft?.lastLogIndex ?? 0,
    snapshotIndex: raft?.snapshot.lastIncludedIndex ?? 0,
    logBytes: raft?.logBytes ?? 0,
    storageBytes,
    pendingRequests,
    failure,
    peers: peers.list().map((peer) => {
      const known = isRunning ? raft?.peers.get(peer.id) : undefined;
      return {
        ...peer,
        state: known?.state ?? null,
        nextIndex: known?.nextIndex ?? null,
        matchIndex: known?.matchIndex ?? null,
      };
    }),
  };
}
