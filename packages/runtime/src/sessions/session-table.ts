import type { LogIndex } from "@eraft/core";
import { Recency, type RecencyChanges } from "./recency.ts";
import { isSerial, type Serial, SESSION_WINDOW, type SessionId } from "./serial.ts";
import { ResultSlot, Session, type SessionView } from "./session.ts";
import { SessionFormatError } from "./session-format-error.ts";

/** **The same on all servers of a cluster, for ever**: they decide which retries are recognised. */
export interface SessionLimits {
  /** Sessions that are kept; with one more, the least recently used expires. Default {@link DEFAULT_MAX_SESSIONS}. */
  readonly maxSessions?: number;
  /**
   * Results that are kept, of all sessions together; with more, the least recently used sessions expire. So this times the size of a result is the memory that
   * they take. At least 1,025, what one session may have. Default {@link DEFAULT_MAX_RESULTS}.
   */
  readonly maxResults?: number;
}

/** Sessions that are kept unless configured otherwise. */
export const DEFAULT_MAX_SESSIONS: number = 65_536;

/** Results that are kept, of all sessions together, unless configured otherwise. */
export const DEFAULT_MAX_RESULTS: number = 262_144;

/**
 * What is to become of a command.
 *
 * - `new`: apply it, and `settle` the slot with what it gave.
 * - `repeated`: do not apply it, it has been: `slot.result` is what it gave. (If that was in the same batch: as soon as that one is settled.)
 * - `expired`: do not apply it. Its session is not known: it has expired, was closed, or never was. Whether this write was ever done, nobody can tell.
 * - `outOfWindow`: do not apply it. Its answer was given up by a `firstUnanswered` above it, or too many below it wait for theirs.
 */
export type Claim<Result> =
  | { readonly type: "new"; readonly slot: ResultSlot<Result> }
  | { readonly type: "repeated"; readonly slot: ResultSlot<Result> }
  | { readonly type: "expired" }
  | { readonly type: "outOfWindow" };

/** What became of a write: the result of the one time it was applied, or why it is not applied. */
export type SessionOutcome<Result> =
  | { readonly type: "done"; readonly result: Result }
  | { readonly type: "expired" }
  | { readonly type: "outOfWindow" };

const EXPIRED = Object.freeze({ type: "expired" });
const OUT_OF_WINDOW = Object.freeze({ type: "outOfWindow" });

/**
 * The sessions of clients (dissertation, 6.3): what makes a write that is sent again happen once.
 *
 * A session is opened by a command of the log, whose index is its name. Each remembers the results of its writes from `firstUnanswered` up, so that many may be
 * under way at a time and arrive in any order. A write whose session is not known is never applied: it may be the second attempt of one that was.
 *
 * This is part of a replicated state. So nothing here depends on a clock, on one server, or on how the log was cut into batches: what expires is decided when
 * a command is claimed, from what came before it in the log, and before anything is known of its result. Every command that names a session counts as use of
 * it, whatever becomes of the command. The order of use is part of snapshots: a server that came from one must let the same session go as one that has applied
 * the whole log.
 */
export class SessionTable<Result> {
  readonly maxSessions: number;
  readonly maxResults: number;
  readonly #sessions = new Recency<SessionId, Session<Result>>();
  #generation = 0;
  #resultCount = 0;
  #lastIndex: LogIndex = 0;

  /** @throws RangeError if a limit is none. */
  constructor(limits: SessionLimits = {}) {
    this.maxSessions = checkLimit("maxSessions", limits.maxSessions ?? DEFAULT_MAX_SESSIONS, 1);
    this.maxResults = checkLimit("maxResults", limits.maxResults ?? DEFAULT_MAX_RESULTS, SESSION_WINDOW + 1);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Results that are kept, of all sessions together. */
  get resultCount(): number {
    return this.#resultCount;
  }

  has(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  /** The command at `index` opens a session. Returns its name. */
  open(index: LogIndex): SessionId {
    this.#advanceTo(index);
    if (this.#sessions.has(index)) throw new Error(`the entry ${index} opens a second session`);
    const opened = { id: index, lastUsed: index, firstUnanswered: 1, slots: new Map() };
    this.#sessions.use(index, new Session<Result>(this.#generation, opened));
    this.#expire();
    return index;
  }

  /** The command at `index` ends a session: whatever still arrives for it is told that it has expired. False if it was not known. */
  close(index: LogIndex, id: SessionId): boolean {
    this.#advanceTo(index);
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    this.#sessions.delete(id);
    this.#resultCount -= session.slots.size;
    return true;
  }

  /** Does the write at `index` exactly once: calls `write` if it is new, and answers with what it gave the first time if not. */
  once(index: LogIndex, serial: Serial, write: () => Result): SessionOutcome<Result> {
    const claim = this.claim(index, serial);
    if (claim.type === "expired" || claim.type === "outOfWindow") return claim;
    if (claim.type === "new") claim.slot.settle(write());
    return { type: "done", result: claim.slot.result };
  }

  /**
   * The same in two steps, for a state machine that applies many commands together: claim them one after the other in the order of the log, apply those that
   * are new, and settle them all before the next `view`.
   */
  claim(index: LogIndex, serial: Serial): Claim<Result> {
    this.#advanceTo(index);
    const known = this.#sessions.get(serial.sessionId);
    if (known === undefined) return EXPIRED;
    const session = this.#own(known);
    session.lastUsed = index;
    this.#sessions.use(session.id, session);
    if (!isSerial(serial)) return OUT_OF_WINDOW;
    const { sequence } = serial;
    this.#resultCount -= session.forgetBelow(serial.firstUnanswered);
    if (sequence < session.firstUnanswered || sequence > session.firstUnanswered + SESSION_WINDOW) {
      return OUT_OF_WINDOW;
    }
    const earlier = session.slots.get(sequence);
    if (earlier !== undefined) return { type: "repeated", slot: earlier };
    const slot = new ResultSlot<Result>();
    session.slots.set(sequence, slot);
    this.#resultCount += 1;
    this.#expire();
    return { type: "new", slot };
  }

  /**
   * The sessions as they are now, least recently used first. Copies a pointer for each; a session that changes later is copied then, once for each view. A
   * view need not be given back.
   */
  view(): readonly SessionView<Result>[] {
    this.#generation += 1;
    return this.#sessions.values();
  }

  /**
   * Takes over a session of a snapshot; to be called in the order of the view.
   *
   * @throws SessionFormatError if it cannot be one that follows those before it
   */
  restore(session: SessionView<Result>): void {
    const { id, lastUsed, firstUnanswered } = session;
    if (this.#sessions.has(id)) throw new SessionFormatError(`session ${id} is there twice`);
    if (lastUsed < this.#lastIndex) throw new SessionFormatError(`session ${id} is not in the order of use`);
    const slots = new Map<number, ResultSlot<Result>>();
    for (const [sequence, result] of session.results()) {
      const slot = new ResultSlot<Result>();
      slot.settle(result);
      slots.set(sequence, slot);
    }
    this.#lastIndex = lastUsed;
    this.#resultCount += slots.size;
    this.#sessions.use(id, new Session(this.#generation, { id, lastUsed, firstUnanswered, slots }));
    if (this.#isTooMuch()) {
      throw new SessionFormatError("there are more sessions or results than this server keeps");
    }
  }

  /**
   * For a state machine that keeps its sessions on a disk of its own, with its data: from now on it is noted what changes. It costs a little for each command.
   */
  trackChanges(): void {
    this.#sessions.trackChanges();
  }

  /**
   * Which sessions were used, as they are now, and which are gone, since `trackChanges` or the last call. To be called when all claims are settled. What was
   * used is younger than all that was not: whoever stores a number that grows with each session it is given here has the order of use.
   */
  takeChanges(): RecencyChanges<SessionId, SessionView<Result>> {
    return this.#sessions.takeChanges();
  }

  /** A session that no view shares. */
  #own(session: Session<Result>): Session<Result> {
    if (session.generation === this.#generation) return session;
    const { id, lastUsed, firstUnanswered, slots } = session;
    return new Session(this.#generation, { id, lastUsed, firstUnanswered, slots: new Map(slots) });
  }

  /** What is used now is the youngest, and has no more results than fit: so it stays. */
  #expire(): void {
    while (this.#isTooMuch()) this.#resultCount -= this.#sessions.removeOldest().slots.size;
  }

  #isTooMuch(): boolean {
    return this.#sessions.size > this.maxSessions || this.#resultCount > this.maxResults;
  }

  #advanceTo(index: LogIndex): void {
    if (index < this.#lastIndex) throw new Error(`the entry ${index} comes after ${this.#lastIndex}`);
    this.#lastIndex = index;
  }
}

function checkLimit(name: string, limit: number, least: number): number {
  if (Number.isInteger(limit) && limit >= least && limit <= 2 ** 24) return limit;
  throw new RangeError(`${name} is ${limit}, not a whole number from ${least} to 2^24`);
}
