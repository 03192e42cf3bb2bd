/** Response header that accompanies `ErrWrongLeader`: where the leader is. The message has no field for it; the Go clients do not look. */
export const LEADER_HEADER = "eraft-leader";

/**
 * Request header of a GET: how new the answer has to be, a {@link KvConsistency}. Servers that do not know it answer as they always do, which is new enough
 * for any of them. For other commands it means nothing.
 */
export const CONSISTENCY_HEADER = "eraft-consistency";

/**
 * - `linearizable`: at least as new as everything that was done before the call.
 * - `lease`: the same, as long as the clocks of the servers are as good as they were told; without asking a majority, where the leader has a lease.
 * - `stale`: some earlier state of the server that answers, however old; any server that runs will do.
 */
export type KvConsistency = "linearizable" | "lease" | "stale";

export const CONSISTENCIES: readonly KvConsistency[] = ["linearizable", "lease", "stale"];

/** The four values of `CommandResponse.err`. A Go client takes any other string for success, so there must never be one. */
export type WireError = "OK" | "ErrNoKey" | "ErrWrongLeader" | "ErrTimeout";
