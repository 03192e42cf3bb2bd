import type { Clock } from "@eraft/core";
import {
  KvAbortedError,
  type KvCallError,
  type KvCallReport,
  KvClosedError,
  KvTimeoutError,
} from "../errors.ts";

/** Why a call ends without an answer. */
export type CallEnd = "deadline" | "aborted" | "closed";

/**
 * The life of one call of the client, over all its attempts: one signal for the three things that can end it early.
 *
 * Listeners are added and removed by hand: `AbortSignal.any` on a caller's long-lived signal keeps a little memory for every call.
 */
export class CallScope {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #deadlineMs: number | null;
  readonly #startMs: number;
  readonly #controller = new AbortController();
  readonly #callerSignal: AbortSignal | undefined;
  readonly #onCallerAbort = (): void => this.end("aborted");
  readonly #cancelTimer: () => void;
  #ended: CallEnd | null = null;

  /**
   * @param what the name of the call, for messages
   * @param deadlineMs null for a call without one
   */
  constructor(what: string, clock: Clock, deadlineMs: number | null, callerSignal: AbortSignal | undefined) {
    this.#what = what;
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#startMs = clock.now();
    this.#callerSignal = callerSignal;
    this.#cancelTimer = deadlineMs === null ? () => {} : clock.after(deadlineMs, () => this.end("deadline"));
    callerSignal?.addEventListener("abort", this.#onCallerAbort, { once: true });
    if (callerSignal?.aborted === true) this.end("aborted");
  }

  /** Aborted as soon as the call has ended early. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it ended early, null while it has not. */
  get ended(): CallEnd | null {
    return this.#ended;
  }

  /** Milliseconds until the deadline, at least 0; Infinity if there is none. */
  remainingMs(): number {
    if (this.#deadlineMs === null) return Infinity;
    return Math.max(0, this.#startMs + this.#deadlineMs - this.#clock.now());
  }

  /** Ends the call early. The first reason counts. */
  end(why: CallEnd): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    this.#controller.abort(new Error(`the call ended: ${why}`));
  }

  /** Lets go of timer and listener. To be called once the call is over, however it went. */
  dispose(): void {
    this.#cancelTimer();
    this.#callerSignal?.removeEventListener("abort", this.#onCallerAbort);
  }

  /** The error for a call that has ended early, `why` it did. */
  endError(why: CallEnd, report: KvCallReport): KvCallError {
    switch (why) {
      case "deadline":
        return new KvTimeoutError(`${this.#what} had no answer within ${this.#deadlineMs} ms`, report);
      case "aborted":
        return new KvAbortedError(`${this.#what} was aborted by its caller`, report, {
          cause: this.#callerSignal?.reason,
        });
      case "closed":
        return new KvClosedError(`${this.#what} was ended, as its client was closed`, report);
    }
  }

  /** What `promise` comes to, or a rejection with the error of a call of which nothing was sent, as soon as the call ends. */
  async before<T>(promise: Promise<T>, report: KvCallReport): Promise<T> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    const end = (): void => {
      if (this.#ended !== null) reject(this.endError(this.#ended, report));
    };
    this.signal.addEventListener("abort", end, { once: true });
    end();
    try {
      return await Promise.race([over, promise]);
    } finally {
      this.signal.removeEventListener("abort", end);
    }
  }

  /** Resolves after `ms` milliseconds, or at once when the call ends. */
  sleep(ms: number): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      cancel();
      this.signal.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = this.#clock.after(ms, wake);
    this.signal.addEventListener("abort", wake, { once: true });
    return promise;
  }
}
