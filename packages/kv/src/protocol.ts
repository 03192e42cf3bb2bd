/** Response header that accompanies `ErrWrongLeader`: where the leader is. The message has no field for it; the Go clients do not look. */
export const LEADER_HEADER = "eraft-leader";

/** The four values of `CommandResponse.err`. A Go client takes any other string for success, so there must never be one. */
export type WireError = "OK" | "ErrNoKey" | "ErrWrongLeader" | "ErrTimeout";
