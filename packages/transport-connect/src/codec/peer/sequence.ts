import { FIRST_TRANSPORT_SEQUENCE } from "@eraft/core";
import { notFrom } from "../checks.ts";

/**
 * Requests of unary callers, whose wire has no number for them, are counted from here; those of streams bring their own, all below. So an
 * answer of the core says by its number which wire it belongs to, also of a peer that changes from one to the other.
 */
export const FIRST_UNARY_SEQUENCE: number = FIRST_TRANSPORT_SEQUENCE;

export function notASequence(sequence: number): string | null {
  const fault = notFrom(0, "sequence", sequence);
  if (fault !== null) return fault;
  return sequence < FIRST_UNARY_SEQUENCE ? null : `sequence must be below 2^52, not ${sequence}`;
}
