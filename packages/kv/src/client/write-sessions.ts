import type { CallScope } from "./call-scope.ts";
import { NOTHING_SENT } from "./caller.ts";

/** Servers keep the answers of so many writes of a session, counted from the first unanswered one. */
export const SESSION_WINDOW = 1024;

/** What makes a write recognisable. */
export interface WriteSerial {
  readonly sessionId: bigint;
  readonly sequence: bigint;
  readonly firstUnanswered: bigint;
}

/** A session as the client sees it: its writes are numbered, and some of them have no answer yet. */
export class WriteSession {
  readonly id: bigint;
  /** In ascending order, as they were added in that order. */
  readonly #unanswered = new Set<number>();
  #next = 1;

  constructor(id: bigint) {
    this.id = id;
  }

  /** Whether another write is within the window that the servers keep. */
  get hasRoom(): boolean {
    return this.#next - this.#firstUnanswered < SESSION_WINDOW;
  }

  /** A number for a new write. A write that is sent again keeps the one that it has. */
  begin(): number {
    const sequence = this.#next;
    this.#next += 1;
    this.#unanswered.add(sequence);
    return sequence;
  }

  /** Nobody will ask for the answer to this write any more. Servers that hear so refuse it if it arrives after all. */
  end(sequence: number): void {
    this.#unanswered.delete(sequence);
  }

  serial(sequence: number): WriteSerial {
    return {
      sessionId: this.id,
      sequence: BigInt(sequence),
      firstUnanswered: BigInt(this.#firstUnanswered),
    };
  }

  get #firstUnanswered(): number {
    for (const sequence of this.#unanswered) return sequence;
    return this.#next;
  }
}

/** The right to make one write, once. */
export interface WriteTicket {
  readonly session: WriteSession;
  readonly sequence: number;
}

/**
 * The session of one client: opened by the first write, and replaced once the servers have forgotten it. Many writes of it may be under way, within
 * its window; more of them wait, in the order of the calls.
 */
export class WriteSessions {
  readonly #maxConcurrent: number;
  readonly #open: (call: CallScope) => Promise<bigint>;
  #session: WriteSession | null = null;
  #inUse = 0;
  /** Settles when the call before has its ticket, or will never need one. */
  #turn: Promise<void> = Promise.resolve();
  #whenReleased: PromiseWithResolvers<void> | null = null;

  /** @param open asks the servers for a session; rejects as calls of the client do */
  constructor(maxConcurrent: number, open: (call: CallScope) => Promise<bigint>) {
    this.#maxConcurrent = maxConcurrent;
    this.#open = open;
  }

  /** Resolves with a ticket, to be given to `release`. Rejects with the error of a call of which nothing was sent, once that has ended. */
  async acquire(call: CallScope): Promise<WriteTicket> {
    const before = this.#turn;
    const { promise: over, resolve: pass } = Promise.withResolvers<void>();
    this.#turn = over;
    try {
      await call.before(before, NOTHING_SENT);
      return await this.#take(call);
    } finally {
      // One that gives up while others are before it must not let those behind it pass them.
      void before.then(pass);
    }
  }

  /** The write has an answer, or nobody waits for it any more. */
  release({ session, sequence }: WriteTicket): void {
    session.end(sequence);
    this.#inUse -= 1;
    this.#whenReleased?.resolve();
    this.#whenReleased = null;
  }

  /** The servers do not know this session any more. */
  forget(session: WriteSession): void {
    if (this.#session === session) this.#session = null;
  }

  async #take(call: CallScope): Promise<WriteTicket> {
    for (;;) {
      if (call.ended !== null) throw call.endError(call.ended, NOTHING_SENT);
      if (this.#inUse >= this.#maxConcurrent || this.#session?.hasRoom === false) {
        this.#whenReleased ??= Promise.withResolvers<void>();
        await call.before(this.#whenReleased.promise, NOTHING_SENT);
      } else if (this.#session === null) {
        this.#session = new WriteSession(await this.#open(call));
      } else {
        this.#inUse += 1;
        return { session: this.#session, sequence: this.#session.begin() };
      }
    }
  }
}
