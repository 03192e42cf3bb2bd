import type { KvResult } from "./result.ts";

/** What the state machine remembers of one client. Never modified: a later command replaces it. */
export interface Session {
  /** int64, not 0. */
  readonly clientId: bigint;
  /** The last write applied for this client. */
  readonly commandId: bigint;
  /** What that write gave: `ok` without a value, or `refused`. */
  readonly result: KvResult;
}

/**
 * The clients' sessions (dissertation, 6.3): what makes a retried write happen once.
 *
 * It is part of the replicated state, so nothing here may depend on a clock or on one server: when there is one session too many, the
 * one whose last write is the oldest *in the log* goes. A duplicate is no write and does not make a session younger. The order of the Map is
 * that order, oldest first, and travels in snapshots: a server that came from a snapshot must evict the same session as one that
 * applied the whole log, or a late retry would be applied on one of them only.
 */
export class SessionTable {
  readonly maxSessions: number;
  readonly #sessions = new Map<bigint, Session>();
  readonly #oldestFirst = this.#sessions.keys();

  constructor(maxSessions: number) {
    this.maxSessions = maxSessions;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The answer to a write that was applied before, undefined for a new one. An older command than the last gets the last answer. */
  answerTo(clientId: bigint, commandId: bigint): KvResult | undefined {
    const session = this.#sessions.get(clientId);
    return session !== undefined && commandId <= session.commandId ? session.result : undefined;
  }

  /** Remembers a write as the newest of the log, and evicts if that makes one session too many. Client 0 has no session. */
  record(session: Session): void {
    if (session.clientId === 0n) return;
    this.#sessions.delete(session.clientId);
    this.#sessions.set(session.clientId, session);
    if (this.#sessions.size > this.maxSessions) this.#evictOldest();
  }

  has(clientId: bigint): boolean {
    return this.#sessions.has(clientId);
  }

  /** The sessions as they are now, least recently written first. Copies one pointer per session: below a millisecond at 65,536. */
  view(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  /**
   * One iterator for the life of the table: it stands behind the last evicted session, and new ones are added at the far end, so its next is
   * the oldest. A new iterator each time would first have to walk over all that was deleted since the Map last tidied up.
   */
  #evictOldest(): void {
    const oldest = this.#oldestFirst.next();
    if (oldest.done === true) throw new Error("a table with too many sessions has none");
    this.#sessions.delete(oldest.value);
  }
}
