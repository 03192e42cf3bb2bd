/** A server's identity: its position in the cluster's address list, a non-negative safe integer. */
export type NodeId = number;

/** A term of office (dissertation, 3.3): a safe integer, 0 before the first election. */
export type Term = number;

/** A position in the log: a safe integer, 1 for the first entry, 0 for "before the log". */
export type LogIndex = number;

/** One log entry (dissertation, Figure 3.1). Its bytes are never modified once it exists. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  /** What the state machine is to do. Empty for the no-op with which a leader opens its term (3.6.2, 6.4), unless configured otherwise. */
  readonly command: Uint8Array;
  /** Set on a configuration entry, whose `command` is empty: the cluster's members from this entry on (4.1). */
  readonly configuration?: Configuration;
}

/**
 * A member's part in elections and commits (dissertation, chapter 4).
 *
 * - voter: counts. While the configuration is joint, in both of its halves.
 * - incoming: counts in the new half only; a voter once the change is done.
 * - outgoing: counts in the old half only; gone once the change is done.
 * - demoted: counts in the old half only; a learner once the change is done.
 * - rejoining: its disk was lost or replaced. The old half still needs a majority of all its voters, this one among them, but neither its vote nor
 *   what it stores is one; promotable once the change is done.
 * - learner: gets the log and counts nowhere (4.2.1).
 * - promotable: a learner that is to become a voter as soon as it has caught up.
 */
export type Standing = "voter" | "incoming" | "outgoing" | "demoted" | "rejoining" | "learner" | "promotable";

/** One server of the cluster. */
export interface Member {
  readonly id: NodeId;
  /** Where the others reach it; the core only hands it on. Empty if nobody has said. */
  readonly address: string;
  readonly standing: Standing;
  /** Which disk speaks for this id: a random name that a server gives itself on an empty one. Null until it is known. */
  readonly incarnation: string | null;
}

/** Who belongs to the cluster. It is joint (4.3) while any member is incoming, outgoing, demoted or rejoining. */
export interface Configuration {
  /** In order of their ids, each id once. */
  readonly members: readonly Member[];
}

/** The two values that must survive a crash together with the log (dissertation, Figure 3.1, persistent state). */
export interface HardState {
  readonly term: Term;
  /** Who got this server's vote in `term`; null for nobody yet. */
  readonly votedFor: NodeId | null;
}

/** Which prefix of the log a snapshot stands for (dissertation, 5.1). */
export interface SnapshotMeta {
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  /** The members as of `lastIncludedIndex` (4.1); not set if no entry up to there says, that is, if they are those the cluster began with. */
  readonly configuration?: Configuration;
}

/** What a storage holds when it is opened: everything whose writing was promised, and nothing else. */
export interface Restored {
  readonly hardState: HardState;
  /** The newest complete snapshot, null when there is none. */
  readonly snapshot: SnapshotMeta | null;
  /** The log after the snapshot: indexes `lastIncludedIndex + 1`, `+ 2`, ... without a gap. */
  readonly entries: readonly Entry[];
}

/**
 * One step of a storage: all of it or none of it is there after a crash, and always in the order of the calls.
 * First `hardState` replaces the stored one, then entries from `truncateFrom` on are dropped, then `entries` are appended.
 */
export interface WriteBatch {
  readonly hardState: HardState | null;
  /** Drop every entry with this index or a higher one; null to drop nothing. */
  readonly truncateFrom: LogIndex | null;
  /** The first one follows the last entry left by `truncateFrom`. */
  readonly entries: readonly Entry[];
}
