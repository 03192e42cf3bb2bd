import type { Transport } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";
import { type GetStatusResponse, KVService } from "@eraft/proto/kvraftpb";
import { CallScope } from "./call-scope.ts";
import { MAX_TIMER_MS, systemClock } from "../clock.ts";
import { type KvCallReport, KvInvalidArgumentError } from "../errors.ts";
import { LeaderFinder } from "./leader-finder.ts";
import type { RetryContext } from "./retry-loop.ts";
import { Servers, Transports } from "./servers.ts";
import { Throttle } from "./throttle.ts";
import { withinLimits } from "./within-limits.ts";

/** What every client of a cluster is told. */
export interface KvCallerOptions {
  /**
   * The servers, as `connect` understands them; at least one. The same addresses as in the cluster's own list, with or without `http://`, if what servers
   * say of where the leader is is to be of use.
   */
  readonly addresses: readonly string[];
  /** Makes the Connect transport to an address, once per address, when it is first needed. Only `addresses` are ever passed. */
  readonly connect: (address: string) => Transport;
  /** Time for a call with all its attempts, in milliseconds (default 10,000). */
  readonly deadlineMs?: number;
  /** Time for one attempt, in milliseconds (default 1,000). Servers give up after 500: above that, what they say arrives. */
  readonly attemptTimeoutMs?: number;
  /** Limit of the pause after each round through the addresses, in milliseconds (default 500). The pause starts at 25 and doubles. */
  readonly maxPauseMs?: number;
  /** Time; for tests and simulations. */
  readonly clock?: Clock;
  /** A number from 0 up to 1, like `Math.random`; for tests and simulations. */
  readonly random?: () => number;
}

export interface KvCallOptions {
  /** Time for this call, in milliseconds; replaces that of the client. */
  readonly deadlineMs?: number;
  /** Ends the call with a `KvAbortedError` when aborted. */
  readonly signal?: AbortSignal;
}

/** What one server says of itself, or why it does not. */
export type KvNodeReport =
  | { readonly address: string; readonly status: GetStatusResponse }
  | { readonly address: string; readonly error: Error };

/** Of a call that ended before its first attempt. */
export const NOTHING_SENT: KvCallReport = { outcome: "not-done", attempts: 0, lastErrors: new Map() };

/** What the clients of both contracts have in common: addresses, transports, and the calls that are under way. */
export class Caller {
  readonly addresses: readonly string[];
  readonly transports: Transports;
  readonly context: RetryContext;
  readonly #deadlineMs: number;
  readonly #statusServers: Servers<typeof KVService>;
  readonly #calls = new Set<CallScope>();
  #isClosed = false;

  /** @throws {KvInvalidArgumentError} for no addresses, or numbers out of range */
  constructor(options: KvCallerOptions) {
    this.addresses = [...new Set(options.addresses)];
    if (this.addresses.length === 0) throw new KvInvalidArgumentError("addresses is empty");
    this.transports = new Transports(options.connect);
    this.#statusServers = new Servers(KVService, this.transports);
    this.#deadlineMs = checkMs("deadlineMs", options.deadlineMs ?? 10_000);
    const clock = options.clock ?? systemClock;
    this.context = {
      finder: new LeaderFinder(this.addresses),
      throttle: new Throttle(clock),
      attemptsPerRound: this.addresses.length,
      attemptTimeoutMs: checkMs("attemptTimeoutMs", options.attemptTimeoutMs ?? 1000),
      maxPauseMs: checkMs("maxPauseMs", options.maxPauseMs ?? 500),
      clock,
      random: options.random ?? Math.random,
    };
  }

  /** Time for a call, in milliseconds. */
  deadlineMs(options: KvCallOptions): number {
    return checkMs("deadlineMs", options.deadlineMs ?? this.#deadlineMs);
  }

  /** Runs one call. */
  async call<T>(what: string, options: KvCallOptions, body: (call: CallScope) => Promise<T>): Promise<T> {
    const call = this.open(what, this.deadlineMs(options), options.signal);
    try {
      return await body(call);
    } finally {
      this.done(call);
    }
  }

  /** Begins something that ends with this client; it has to be given to `done`. @param deadlineMs null for no limit */
  open(what: string, deadlineMs: number | null, signal: AbortSignal | undefined): CallScope {
    const call = new CallScope(what, this.context.clock, deadlineMs, signal);
    if (this.#isClosed) call.end("closed");
    this.#calls.add(call);
    return call;
  }

  done(call: CallScope): void {
    this.#calls.delete(call);
    call.dispose();
  }

  /** Asks every server for its status, in the order of the addresses. Waits for each as long as for an attempt. */
  async status(options: KvCallOptions): Promise<KvNodeReport[]> {
    return this.call("status", options, async (call) => {
      const reports = await Promise.all(this.addresses.map((address) => this.#statusOf(address, call)));
      if (call.ended === "aborted" || call.ended === "closed") throw call.endError(call.ended, NOTHING_SENT);
      return reports;
    });
  }

  /** Ends all calls under way, and every later one. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.end("closed");
  }

  async #statusOf(address: string, call: CallScope): Promise<KvNodeReport> {
    const { attemptTimeoutMs, clock } = this.context;
    try {
      const server = this.#statusServers.at(address);
      const limits = { timeoutMs: attemptTimeoutMs, signal: call.signal, clock };
      const status = await withinLimits(limits, (signal) => server.getStatus({}, { signal }));
      return { address, status };
    } catch (error) {
      return { address, error: error instanceof Error ? error : new Error(String(error), { cause: error }) };
    }
  }
}

export function checkMs(name: string, ms: number): number {
  if (!(ms > 0 && ms <= MAX_TIMER_MS)) {
    throw new KvInvalidArgumentError(`${name} is ${ms}, not a number of milliseconds above 0 and below 2^31`);
  }
  return ms;
}
