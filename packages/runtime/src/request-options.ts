import type { LogIndex, NodeId } from "@eraft/core";

/** The part of an `AbortSignal` that is used here, so that no host's types are needed. */
export interface AbortSignalLike {
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** How a caller limits its wait. */
export interface RequestOptions {
  /** An `AbortSignal`. Aborting ends the wait, not what is in the log already. */
  readonly signal?: AbortSignalLike;
  /** The same after so many milliseconds, from 0 up, with a TimeoutError as the reason. Default: no limit, and no timer. */
  readonly timeoutMs?: number;
}

/** Which leader is waited for. */
export interface LeaderOptions extends RequestOptions {
  /** Any other one: for a caller who knows that this one is gone, when the server that is asked has not noticed yet. */
  readonly except?: NodeId | null;
}

/** How new the state that answers a read has to be. */
export interface ReadOptions extends RequestOptions {
  /**
   * - `linearizable`, the default: it reflects every write that had been acknowledged, by any server, when `read` was called (dissertation, 6.4). Costs a
   *   round of heartbeats, shared by all reads that wait, and no log entry. Any server that knows a leader can answer.
   * - `lease`: the same, as far as the clocks are as good as the option `leaseReads` says, and at no cost while the leader has a lease (6.4.1). Without
   *   that option, on followers, and when there is no lease right now, it is a linearizable read.
   * - `stale`: some earlier state of this server, at once. It never goes back while the server runs; it may be any amount of time old.
   */
  readonly consistency?: "linearizable" | "lease" | "stale";
}

/** Who is to lead. */
export interface TransferOptions extends RequestOptions {
  /** A voter. Default: the one that can be reached and has most of the log. */
  readonly to?: NodeId;
}

/** How a change of members is limited. */
export interface ChangeOptions extends RequestOptions {
  /** Only if the members are still those of this index, see `Membership.index`. Default: whatever they are. */
  readonly expectedIndex?: LogIndex;
}
