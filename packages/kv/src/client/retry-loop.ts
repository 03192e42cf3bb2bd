import type { Client } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";
import { type KVService, Op } from "@eraft/proto/kvraftpb";
import { type KvCall, type Verdict, attempt } from "./attempt.ts";
import type { CallScope } from "./call-scope.ts";
import { type KvCallReport, KvRefusedError } from "../errors.ts";
import type { LeaderFinder } from "./leader-finder.ts";

const FIRST_PAUSE_MS = 25;

/** What the calls of one client share. */
export interface RetryContext {
  readonly finder: LeaderFinder;
  /** The client for an address; throws if there cannot be one. */
  readonly server: (address: string) => Client<typeof KVService>;
  /** Attempts between two pauses: each address once. */
  readonly attemptsPerRound: number;
  readonly attemptTimeoutMs: number;
  readonly maxPauseMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One command, sent until there is an answer or the call ends. Every attempt has the same ids, so servers recognise it. */
export class RetryLoop {
  readonly #context: RetryContext;
  readonly #request: KvCall;
  readonly #call: CallScope;
  readonly #lastErrors = new Map<string, Error>();
  /** Where the call is in the list of addresses. */
  #listed: string;
  #isOnDetour = false;
  #attempts = 0;
  #pauses = 0;
  #mayHappen = false;

  constructor(context: RetryContext, request: KvCall, call: CallScope) {
    this.#context = context;
    this.#request = request;
    this.#call = call;
    // What may be old, anybody may say: the leader has enough to do.
    this.#listed = request.consistency === "stale" ? context.finder.next() : context.finder.first();
  }

  /** Whether an attempt may have had an effect, or may still have, of which no answer tells. */
  get outcomeUnknown(): boolean {
    return this.#mayHappen;
  }

  /** Resolves with the value of a GET, null for none. Rejects with a `KvCallError`. */
  async run(): Promise<string | null> {
    const { attemptsPerRound } = this.#context;
    let address = this.#listed;
    for (;;) {
      if (this.#call.ended !== null) throw this.#call.endError(this.#call.ended, this.#report());
      const verdict = await this.#attempt(address);
      if (verdict.type === "answer") {
        this.#answered(address);
        this.#mayHappen = false;
        return verdict.value;
      }
      this.#lastErrors.set(address, verdict.error);
      if (verdict.type === "refused") throw this.#refused(address, verdict);
      const busy = verdict.type === "failed" && verdict.busy;
      if (!busy) address = this.#nextAddress(address, verdict);
      if (busy || this.#attempts % attemptsPerRound === 0) await this.#call.sleep(this.#nextPauseMs());
    }
  }

  async #attempt(address: string): Promise<Verdict> {
    const { server, attemptTimeoutMs, clock } = this.#context;
    this.#attempts += 1;
    let client: Client<typeof KVService>;
    try {
      client = server(address);
    } catch (cause) {
      return {
        type: "failed",
        effect: "none",
        busy: false,
        error: new Error(`there is no transport: ${String(cause)}`, { cause }),
      };
    }
    // Whole milliseconds and not 0, which would mean no limit on the wire.
    const timeoutMs = Math.max(1, Math.ceil(Math.min(attemptTimeoutMs, this.#call.remainingMs())));
    const verdict = await attempt(client, this.#request, { timeoutMs, signal: this.#call.signal, clock });
    if (verdict.type === "failed" && verdict.effect === "possible" && this.#isWrite) {
      this.#mayHappen = true;
    }
    return verdict;
  }

  get #isWrite(): boolean {
    return this.#request.command.op !== Op.GET;
  }

  #answered(address: string): void {
    const { finder } = this.#context;
    if (this.#isWrite) finder.wrote(address);
    else if (this.#request.consistency !== "stale") finder.read(address);
  }

  /**
   * Through the list in order, with detours to where the leader is said to be. A detour never follows a detour, and the list goes on after it
   * where it was: two servers that each take the other for the leader would otherwise keep the call from the third one, which is.
   */
  #nextAddress(address: string, verdict: Verdict): string {
    const { finder } = this.#context;
    finder.failed(address);
    const hint = verdict.type === "wrongLeader" ? verdict.hint : null;
    const detour = hint !== null && finder.knows(hint) ? hint : finder.leader;
    if (detour !== null && detour !== address && !this.#isOnDetour) {
      this.#isOnDetour = true;
      return detour;
    }
    this.#isOnDetour = false;
    this.#listed = finder.after(this.#listed);
    if (this.#listed === address) this.#listed = finder.after(this.#listed);
    return this.#listed;
  }

  #refused(address: string, verdict: Extract<Verdict, { type: "refused" }>): KvRefusedError {
    // The state machine's own refusal answers every attempt of this command; a server's refusal says nothing of earlier ones.
    if (verdict.final) this.#mayHappen = false;
    return new KvRefusedError(`${address} refused the command`, this.#report(), { cause: verdict.error });
  }

  /** Doubles from pause to pause; half of it is random, so that clients that failed together do not come back together. */
  #nextPauseMs(): number {
    const { maxPauseMs, random } = this.#context;
    const fullMs = Math.min(maxPauseMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses, 30));
    this.#pauses += 1;
    return fullMs / 2 + (random() * fullMs) / 2;
  }

  #report(): KvCallReport {
    return {
      outcome: this.#mayHappen ? "unknown" : "not-done",
      attempts: this.#attempts,
      lastErrors: new Map(this.#lastErrors),
    };
  }
}
