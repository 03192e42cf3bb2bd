import type { MemberChange } from "./configuration.ts";
import type { ConfigurationAt } from "./configurations.ts";
import type { InstallSnapshot, Message, Refusal } from "./messages.ts";
import type { Entry, HardState, LogIndex, NodeId, SnapshotMeta, Term, WriteBatch } from "./types.ts";

/** Chosen by the caller to recognise the outcome of a proposal or a read; unique among those that are open. */
export type RequestId = number;

/** A client wants to read the state as it is now or later (dissertation, 6.4). */
export interface ReadRequest {
  readonly id: RequestId;
  /** `lease`: without asking anybody, where the leader still has a lease (6.4.1); otherwise, and by default, `linearizable`. */
  readonly consistency?: "linearizable" | "lease";
}

/** An operator wants other members (dissertation, chapter 4). */
export interface ConfigurationRequest {
  readonly id: RequestId;
  /**
   * Done together. Voters to come catch up first; then, through one joint configuration, the voters change, those that go together with those that
   * come. (Where there are as many voters as there may be, those that go do so first.)
   */
  readonly changes: readonly MemberChange[];
  /** Only if the configuration is still the one of this index (`RaftState.configuration`); null for whatever it is. */
  readonly expectedIndex: LogIndex | null;
}

/** All that can happen to a server. A recorded list of these replays exactly. */
export type Input =
  /** Time goes on by one unit. */
  | { readonly type: "tick" }
  /** A message from another server. Of an `installSnapshot` the data has been staged by the caller, ready to be committed. */
  | { readonly type: "receive"; readonly message: Message }
  /** A client wants `command` (not empty) in the log. */
  | { readonly type: "propose"; readonly id: RequestId; readonly command: Uint8Array }
  | ({ readonly type: "read" } & ReadRequest)
  | ({ readonly type: "changeConfiguration" } & ConfigurationRequest)
  /** An operator wants another leader: `to`, or whoever is best prepared (3.10). */
  | { readonly type: "transferLeadership"; readonly id: RequestId; readonly to: NodeId | null }
  /** The `write` of an earlier Ready is durable. */
  | { readonly type: "written" }
  /** The state machine reflects everything up to `index`. */
  | { readonly type: "applied"; readonly index: LogIndex }
  /** The `restore` of an earlier Ready is done: snapshot committed, state machine replaced. */
  | { readonly type: "restored" }
  /** The caller's own snapshot is committed: storage has dropped the log up to it. */
  | { readonly type: "compacted"; readonly snapshot: SnapshotMeta }
  /** Sending a snapshot asked for in `Ready.snapshots` ended. `snapshot` tells which one it was; null if none was sent. */
  | { readonly type: "snapshotSent"; readonly to: NodeId; readonly snapshot: SnapshotMeta | null }
  /** The connections over which `peer` spoke broke. A hint, see `Receiver.disconnected`. */
  | { readonly type: "disconnected"; readonly peer: NodeId }
  /** `peer`, or this server itself, speaks for the disk of that name. */
  | { readonly type: "identified"; readonly peer: NodeId; readonly incarnation: string }
  /** The caller's clock reads `now`, which never goes back. Needed, before the inputs of that time, for reads that rely on a lease. */
  | { readonly type: "time"; readonly now: number }
  /** The transport believes that messages to `peer` were lost. A hint, never needed for progress. */
  | { readonly type: "unreachable"; readonly peer: NodeId };

/** What became of a request. Each one gets exactly one outcome. */
export type Outcome =
  /** The proposal is committed at `index`; its result is what applying that entry gives. */
  | { readonly type: "committed"; readonly id: RequestId; readonly index: LogIndex }
  /** The state machine is now new enough for this read. */
  | { readonly type: "readable"; readonly id: RequestId; readonly index: LogIndex }
  /** Not done and never will be: this server does not lead. `leaderId` is who does, as far as it knows. */
  | { readonly type: "notLeader"; readonly id: RequestId; readonly leaderId: NodeId | null }
  /** Not done and never will be: too much is waiting already. */
  | { readonly type: "busy"; readonly id: RequestId }
  /** Not done and never will be: this server is handing over its leadership. */
  | { readonly type: "transferring"; readonly id: RequestId }
  /** Not done and never will be: another change of the members is under way, or the leader is too new to know that none is. */
  | { readonly type: "changePending"; readonly id: RequestId }
  /** Not done and never will be. `reason` is for people. */
  | { readonly type: "refused"; readonly id: RequestId; readonly reason: string }
  /** The members are as was wanted: committed, no longer joint, and whoever was to become a voter is one. */
  | ({ readonly type: "changed"; readonly id: RequestId } & ConfigurationAt)
  /** This server no longer leads. */
  | { readonly type: "transferred"; readonly id: RequestId }
  /** Nobody took over in time: this server leads and serves again. */
  | { readonly type: "transferFailed"; readonly id: RequestId; readonly reason: string }
  /** The proposal was in this server's log when it lost its leadership: another leader may or may not commit it. */
  | { readonly type: "unknown"; readonly id: RequestId; readonly leaderId: NodeId | null };

/** Something that no correct cluster does, survived without harm, which an operator should hear of. */
export type Alert =
  /** A request was refused; see RefusalReason. */
  | { readonly type: "refused"; readonly refusal: Refusal }
  /** A follower no longer has entries that it had confirmed as durable: its disk was wiped, or is not a disk. */
  | {
      readonly type: "followerLostLog";
      readonly peer: NodeId;
      readonly confirmed: LogIndex;
      readonly remaining: LogIndex;
    };

/** A preCandidate is a follower that asks whether it would win an election (9.6). */
export type RoleName = "follower" | "preCandidate" | "candidate" | "leader";

export interface RoleChange {
  readonly role: RoleName;
  readonly term: Term;
  readonly leaderId: NodeId | null;
}

/**
 * What is to be done now. The order of the work is free: nothing is handed out before it is safe. In particular a message that
 * promises something durable appears only after the `written` that made it so.
 */
export interface Ready {
  /** To be sent. */
  readonly messages: readonly Message[];
  /** To be written; answer with `written`. No other write is handed out before that. */
  readonly write: WriteBatch | null;
  /** To be installed: commit the staged snapshot, replace the state machine; answer with `restored`. */
  readonly restore: InstallSnapshot | null;
  /** To be applied in order; answer with `applied`. No other entries are handed out before that. */
  readonly committed: readonly Entry[];
  /** To be reported to clients; a `committed` outcome belongs to an entry of this very `committed`. */
  readonly outcomes: readonly Outcome[];
  /** Peers that need a snapshot, each as a header to be completed with the index and term of the stored one; answer with `snapshotSent`. */
  readonly snapshots: readonly SnapshotRequest[];
  /** Set when role, term or known leader changed. */
  readonly role: RoleChange | null;
  /** Set when another configuration is in force, committed or not. */
  readonly configuration: ConfigurationAt | null;
  readonly alerts: readonly Alert[];
}

export interface SnapshotRequest {
  readonly to: NodeId;
  readonly term: Term;
  readonly sequence: number;
}

/** A plain copy of what a server knows (dissertation, Figure 3.1), for status pages, invariant checks and time travel. */
export interface RaftState {
  readonly id: NodeId;
  readonly role: RoleName;
  readonly term: Term;
  readonly votedFor: NodeId | null;
  readonly leaderId: NodeId | null;
  readonly commitIndex: LogIndex;
  /** The state machine reflects everything up to here. */
  readonly lastApplied: LogIndex;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** Durable up to here. */
  readonly stableIndex: LogIndex;
  /** The state that is durable, as opposed to `term` and `votedFor`. */
  readonly stableHardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** The log in memory starts after this index; at most `snapshot.lastIncludedIndex`. */
  readonly baseIndex: LogIndex;
  /** Bytes of the entries in memory, commands plus a fixed cost each. */
  readonly logBytes: number;
  /** Bytes of the applied entries that a new snapshot would make superfluous. */
  readonly compactableBytes: number;
  /** Bytes of the entries that a leader waits to see committed, which is what `maxUncommittedBytes` bounds; 0 elsewhere. */
  readonly uncommittedBytes: number;
  /** The configuration in force: the latest in the log. */
  readonly configuration: ConfigurationAt;
  /** What a leader knows of its followers; empty elsewhere. */
  readonly peers: ReadonlyMap<NodeId, PeerState>;
}

export interface PeerState {
  readonly state: "probe" | "replicate" | "snapshot";
  readonly nextIndex: LogIndex;
  readonly matchIndex: LogIndex;
  /** Bytes of the entries that are on their way to it. */
  readonly inflightBytes: number;
  /** Ticks since the peer last answered; null when it has not in this term. */
  readonly ticksSinceContact: number | null;
}
