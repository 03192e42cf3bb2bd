import type { Interval } from "./history.ts";
import type { KvInput, KvOutput } from "./models/kv.ts";

/**
 * - `diverged`: two gets of which neither continues the other.
 * - `invented`: a get returned text that nobody appended.
 * - `duplicated`: a get returned an appended text twice.
 * - `torn`: a get ends in the middle of an appended text.
 * - `failedButSeen`: an append that was reported as certainly not done is in a get.
 * - `lost`: no get has an append that had been acknowledged before the call of a get, or of another append that some get has.
 * - `stale`: a get lacks an append that had been acknowledged before its call, but some other get has it.
 * - `nonMonotonic`: a get lacks what an earlier get had returned.
 * - `reordered`: two appends stand in the gets the other way round than they were made.
 * - `premature`: a get had returned an append before it was called.
 */
export type AppendProblemType =
  | "diverged"
  | "invented"
  | "duplicated"
  | "torn"
  | "failedButSeen"
  | "lost"
  | "stale"
  | "nonMonotonic"
  | "reordered"
  | "premature";

export interface AppendProblem {
  readonly type: AppendProblemType;
  readonly key: string;
  /** Position in the history of the operation that cannot be explained. */
  readonly index: number;
  /** Position of the operation with which it does not agree, null if it is wrong by itself. */
  readonly other: number | null;
  readonly message: string;
}

/** An operation of one key; a failed append stays, to be recognised if a get has it. */
export interface AppendInterval extends Interval<KvInput, KvOutput> {
  readonly failed: boolean;
}
