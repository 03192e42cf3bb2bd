import type { Configuration, Entry, LogIndex, NodeId, Term } from "./types.ts";

/** The numbers from here on are for transports whose wire has none, see {@link Envelope.sequence}; those that the core gives are below. */
export const FIRST_TRANSPORT_SEQUENCE: number = 2 ** 52;

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's current term. */
  readonly term: Term;
  /**
   * Ties a response to its request: whoever makes a request chooses the number, the answer repeats it. The core numbers
   * what it sends, and of what a leader sends in a term the later has the higher number; a transport whose wire has no such field keeps it beside the
   * open call and puts numbers of its own on the requests it receives, from FIRST_TRANSPORT_SEQUENCE on.
   */
  readonly sequence: number;
}

/** Arguments of RequestVote (dissertation, Figure 3.1); `from` is the candidateId. */
export interface RequestVote extends Envelope {
  readonly type: "requestVote";
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** The leader itself asked the sender to stand (3.10), so a receiver that hears from that leader is to answer all the same (4.2.3). */
  readonly leadershipTransfer?: boolean;
}

/** Results of RequestVote. */
export interface RequestVoteResponse extends Envelope {
  readonly type: "requestVoteResponse";
  readonly voteGranted: boolean;
}

/**
 * Asks whether a RequestVote in the next term, `term + 1`, would be granted (9.6). It changes nothing at the receiver. A peer that does not know
 * it, as the Go nodes do not, is taken to say yes.
 */
export interface PreVote extends Envelope {
  readonly type: "preVote";
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

/** The answer to a PreVote. `term` is the receiver's own: where that is above the asker's, it is why the answer is no. */
export interface PreVoteResponse extends Envelope {
  readonly type: "preVoteResponse";
  readonly voteGranted: boolean;
}

/**
 * The leader asks its successor to stand for election at once (3.10). Nobody answers. It is ignored by whoever has, for longer than the leader waits, had
 * something that the leader has sent later.
 */
export interface TimeoutNow extends Envelope {
  readonly type: "timeoutNow";
}

/** A follower asks its leader for a read index (6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly type: "readIndex";
}

/** The commit index at some time after the request, of a leader that still led then; -1 from a server that does not lead. */
export interface ReadIndexResponse extends Envelope {
  readonly type: "readIndexResponse";
  readonly readIndex: LogIndex;
}

/** Arguments of AppendEntries (dissertation, Figure 3.1); `from` is the leaderId. */
export interface AppendEntries extends Envelope {
  readonly type: "appendEntries";
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  /** Never above `prevLogIndex + entries.length`, so that a follower commits only what this message verified. */
  readonly leaderCommit: LogIndex;
  readonly entries: readonly Entry[];
}

/** Results of AppendEntries. */
export interface AppendEntriesResponse extends Envelope {
  readonly type: "appendEntriesResponse";
  readonly success: boolean;
  /** On success: the highest index up to which this follower's log is durable and equal to the leader's. Otherwise 0. */
  readonly matchIndex: LogIndex;
  /** On failure: where the leader should try next, from 1 to `prevLogIndex`. Otherwise 0. */
  readonly conflictIndex: LogIndex;
  /** On failure: the follower's term at `prevLogIndex`, -1 when its log is too short. Otherwise 0. */
  readonly conflictTerm: number;
}

/** Arguments of InstallSnapshot without the data (dissertation, Figure 5.3); `from` is the leaderId. */
export interface InstallSnapshot extends Envelope {
  readonly type: "installSnapshot";
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  /** The members as of `lastIncludedIndex`; see SnapshotMeta. */
  readonly configuration?: Configuration;
}

/** Results of InstallSnapshot: the snapshot is stored, or was not needed, or the term tells why not. */
export interface InstallSnapshotResponse extends Envelope {
  readonly type: "installSnapshotResponse";
}

/**
 * The answer to a request that no correct server sends. It changes nothing at either end; a transport turns it into the
 * error its wire has for that (gRPC: FAILED_PRECONDITION; INVALID_ARGUMENT for `malformed`).
 */
export interface Refusal extends Envelope {
  readonly type: "refusal";
  readonly reason: RefusalReason;
}

/**
 * - `termLeap`: the request's term is so far above ours that only a broken or hostile sender can have reached it.
 *   Adopting it could leave no room for a next term.
 * - `twoLeaders`: a second server claims to lead a term that already has a leader.
 * - `malformed`: the message contradicts itself: entries with gaps, terms that decrease, numbers that are no log positions.
 */
export type RefusalReason = "termLeap" | "twoLeaders" | "malformed";

/** The three RPCs of the paper, which the Go nodes speak too. */
export type Request = RequestVote | AppendEntries | InstallSnapshot;
export type Response = RequestVoteResponse | AppendEntriesResponse | InstallSnapshotResponse | Refusal;

/** What the three RPCs cannot say. A server gets along with peers, and a transport with wires, that do not know it. */
export type Extension = PreVote | PreVoteResponse | TimeoutNow | ReadIndexRequest | ReadIndexResponse;

/** All that servers say to each other. */
export type Message = Request | Response | Extension;
