import type { LogIndex } from "@eraft/core";

/** The index of the log entry that opened the session: no two sessions of a cluster have the same. */
export type SessionId = LogIndex;

/** Which write of which session a command is. The same one goes with every attempt. */
export interface Serial {
  readonly sessionId: SessionId;
  /** Numbers the writes of a session, from 1. They may arrive in any order. */
  readonly sequence: number;
  /** The caller has the answers of all writes below this and will not ask again. At least 1, at most `sequence`. */
  readonly firstUnanswered: number;
}

/**
 * A write may be at most this far above the first unanswered one. Part of the definition of the replicated state: servers with another window would answer the
 * same command differently.
 */
export const SESSION_WINDOW = 1024;

/** Whether it says anything that makes sense. It comes from the log, so anything may be in it. */
export function isSerial({ sequence, firstUnanswered }: Serial): boolean {
  const areNumbers = Number.isSafeInteger(sequence) && Number.isSafeInteger(firstUnanswered);
  return areNumbers && firstUnanswered >= 1 && firstUnanswered <= sequence;
}
