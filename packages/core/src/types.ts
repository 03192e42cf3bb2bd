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
