import type {
  LogIndex,
  NodeId,
  PeerIdentity,
  PeerState,
  RaftState,
  RoleName,
  Standing,
  Term,
} from "@eraft/core";
import type { NodeFailedError } from "./errors.ts";
import type { Membership, Rejection } from "./membership.ts";
import type { Contact, Peers } from "./peers.ts";

/** A node goes through these in order; `failed` may come after any before `stopping`. Only one that is `running` serves. */
export type Phase = "created" | "starting" | "running" | "failed" | "stopping" | "stopped";

/** What a node knows of itself, copied at one moment. */
export interface NodeStatus {
  readonly id: NodeId;
  readonly phase: Phase;
  /** Null unless running: a node that has failed leads nobody, whatever it last was. */
  readonly role: RoleName | null;
  readonly term: Term;
  /** Null also of a leader that has been silent for an election timeout. */
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
  /** Requests that wait for their answer. */
  readonly pendingRequests: number;
  /** Bytes of the commands among them. */
  readonly pendingBytes: number;
  /** Why the node serves no more. */
  readonly failure: NodeFailedError | null;
  /** This server's part in the cluster; null if it is no member. */
  readonly standing: Standing | null;
  /** It was a member, and is none any more. It stands in no election. */
  readonly isRemoved: boolean;
  /** Empty before `start`. */
  readonly membership: Membership;
  /** What this server says of itself; null without the option. */
  readonly identity: PeerIdentity | null;
  /** The other members. */
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus extends Contact {
  /** How a leader sends to it; null on the other servers, as are the two indexes. */
  readonly state: PeerState["state"] | null;
  readonly nextIndex: LogIndex | null;
  readonly matchIndex: LogIndex | null;
  /** Why this server and that one do not talk, and which of them refuses; null if they may. */
  readonly rejection: Rejection | null;
}

export function statusOf(view: {
  readonly id: NodeId;
  readonly phase: Phase;
  readonly raft: RaftState | null;
  readonly leaderId: NodeId | null;
  readonly peers: Peers;
  readonly rejectionOf: (peer: NodeId) => Rejection | null;
  readonly isRemoved: boolean;
  readonly identity: PeerIdentity | null;
  readonly lastApplied: LogIndex;
  readonly storageBytes: number;
  readonly pendingRequests: number;
  readonly pendingBytes: number;
  readonly failure: NodeFailedError | null;
}): NodeStatus {
  const { raft, peers, rejectionOf, ...plain } = view;
  const { id, phase } = plain;
  const isRunning = phase === "running";
  const leaderId = isRunning ? view.leaderId : null;
  return {
    ...plain,
    role: isRunning && raft ? raft.role : null,
    term: raft?.term ?? 0,
    leaderId,
    leaderAddress: peers.addressOf(leaderId),
    commitIndex: raft?.commitIndex ?? 0,
    lastLogIndex: raft?.lastLogIndex ?? 0,
    snapshotIndex: raft?.snapshot.lastIncludedIndex ?? 0,
    logBytes: raft?.logBytes ?? 0,
    standing: peers.memberOf(id)?.standing ?? null,
    membership: peers.membership,
    peers: peers.list().map((peer) => {
      const known = isRunning ? raft?.peers.get(peer.id) : undefined;
      return {
        ...peer,
        state: known?.state ?? null,
        nextIndex: known?.nextIndex ?? null,
        matchIndex: known?.matchIndex ?? null,
        rejection: rejectionOf(peer.id),
      };
    }),
  };
}
