import type { Clock } from "@eraft/core";
import { AddressWalk } from "./address-walk.ts";
import { Backoff } from "./backoff.ts";
import type { CallScope } from "./call-scope.ts";
import { type KvCallError, type KvCallReport, KvRefusedError, KvSessionExpiredError } from "../errors.ts";
import type { LeaderFinder } from "./leader-finder.ts";
import type { AttemptEnd, Throttle } from "./throttle.ts";
import { type Verdict, failed } from "./verdict.ts";
import type { AttemptLimits } from "./within-limits.ts";

/** What the calls of one client share. */
export interface RetryContext {
  readonly finder: LeaderFinder;
  readonly throttle: Throttle;
  /** Attempts between two pauses: each address once. */
  readonly attemptsPerRound: number;
  readonly attemptTimeoutMs: number;
  readonly maxPauseMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What is sent, as often as it takes. */
export interface RetryRequest<T> {
  /** Only of a write can it be unknown whether it was done. What may be old, anybody may say. */
  readonly kind: "write" | "read" | "staleRead";
  /** Sends it once. Rejects only if nothing was sent, as there is no way to that address. */
  readonly attempt: (address: string, limits: AttemptLimits) => Promise<Verdict<T>>;
}

/** One request, sent until there is an answer or the call ends. Every attempt has the same ids, so servers recognise it. */
export class RetryLoop<T> {
  readonly #context: RetryContext;
  readonly #request: RetryRequest<T>;
  readonly #call: CallScope;
  readonly #lastErrors = new Map<string, Error>();
  readonly #walk: AddressWalk;
  readonly #backoff: Backoff;
  #attempts = 0;
  #mayHappen = false;

  constructor(context: RetryContext, request: RetryRequest<T>, call: CallScope) {
    this.#context = context;
    this.#request = request;
    this.#call = call;
    const { finder } = context;
    // The leader has enough to do.
    this.#walk = new AddressWalk(finder, request.kind === "staleRead" ? finder.next() : finder.first());
    this.#backoff = new Backoff(context);
  }

  /** Whether an attempt may have had an effect, or may still have, of which no answer tells. */
  get outcomeUnknown(): boolean {
    return this.#mayHappen;
  }

  /** Resolves with the answer. Rejects with a `KvCallError`. */
  async run(): Promise<T> {
    const { attemptsPerRound } = this.#context;
    for (;;) {
      if (this.#call.ended !== null) throw this.#call.endError(this.#call.ended, this.#report());
      const { address } = this.#walk;
      const verdict = await this.#inTurn(address);
      if (verdict === null) continue;
      if (verdict.type === "answer") {
        this.#answered(address);
        this.#mayHappen = false;
        return verdict.value;
      }
      this.#lastErrors.set(address, verdict.error);
      if (verdict.type === "refused") throw this.#refused(address, verdict);
      if (!verdict.busy) this.#walk.advance(verdict.hint);
      if (verdict.busy || this.#attempts % attemptsPerRound === 0) {
        await this.#call.sleep(this.#backoff.nextMs());
      }
    }
  }

  /** An attempt as soon as the servers bear one more; null if the call ends before that. */
  async #inTurn(address: string): Promise<Verdict<T> | null> {
    const { throttle } = this.#context;
    const number = await throttle.begin(this.#call.signal);
    if (number === null) return null;
    let end: AttemptEnd = "other";
    try {
      if (this.#call.ended !== null) return null;
      const verdict = await this.#attempt(address);
      if (verdict.type === "answer") end = "served";
      else if (verdict.type === "failed" && verdict.busy) end = "busy";
      return verdict;
    } finally {
      throttle.end(number, end);
    }
  }

  async #attempt(address: string): Promise<Verdict<T>> {
    const { attemptTimeoutMs, clock } = this.#context;
    this.#attempts += 1;
    // Whole milliseconds and not 0, which would mean no limit on the wire.
    const timeoutMs = Math.max(1, Math.ceil(Math.min(attemptTimeoutMs, this.#call.remainingMs())));
    try {
      const verdict = await this.#request.attempt(address, { timeoutMs, signal: this.#call.signal, clock });
      if (verdict.type === "failed" && verdict.effect === "possible" && this.#request.kind === "write") {
        this.#mayHappen = true;
      }
      return verdict;
    } catch (cause) {
      return failed(new Error(`there is no transport: ${String(cause)}`, { cause }), "none");
    }
  }

  #answered(address: string): void {
    const { finder } = this.#context;
    if (this.#request.kind === "write") finder.wrote(address);
    else if (this.#request.kind === "read") finder.read(address);
  }

  #refused(address: string, verdict: Extract<Verdict<T>, { type: "refused" }>): KvCallError {
    // The state machine's own refusal answers every attempt of this command; a server's refusal says nothing of earlier ones.
    if (verdict.final) this.#mayHappen = false;
    const { reason, error: cause } = verdict;
    if (reason === "sessionExpired") {
      return new KvSessionExpiredError(`${address} does not know the session any more`, this.#report(), {
        cause,
      });
    }
    return new KvRefusedError(`${address} refused the command`, this.#report(), { reason, cause });
  }

  #report(): KvCallReport {
    return {
      outcome: this.#mayHappen ? "unknown" : "not-done",
      attempts: this.#attempts,
      lastErrors: new Map(this.#lastErrors),
    };
  }
}
