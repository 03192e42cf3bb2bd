import { type Client, type Transport, createClient } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";
import { type GetStatusResponse, KVService, Op } from "@eraft/proto/kvraftpb";
import { withinLimits } from "./attempt.ts";
import { CallScope } from "./call-scope.ts";
import { MAX_TIMER_MS, systemClock } from "../clock.ts";
import { type KvCommand, commandFault, faultMessage } from "../state/command.ts";
import { type KvCallReport, KvInvalidArgumentError } from "../errors.ts";
import { LeaderFinder } from "./leader-finder.ts";
import { CONSISTENCIES, type KvConsistency } from "../protocol.ts";
import { type RetryContext, RetryLoop } from "./retry-loop.ts";
import { type ClientSession, SessionPool, randomClientId } from "./session-pool.ts";

export interface KvraftClientOptions {
  /** The servers, as `connect` understands them; at least one. The same strings as in the cluster's own list, if its hints are to be of use. */
  readonly addresses: readonly string[];
  /** Makes the Connect transport to an address, once per address, when it is first needed. Only `addresses` are ever passed. */
  readonly connect: (address: string) => Transport;
  /** Time for a call with all its attempts, in milliseconds (default 10,000). */
  readonly deadlineMs?: number;
  /** Time for one attempt, in milliseconds (default 1,000). Servers give up after 500: above that, what they say arrives. */
  readonly attemptTimeoutMs?: number;
  /** Limit of the pause after each round through the addresses, in milliseconds (default 500). The pause starts at 25 and doubles. */
  readonly maxPauseMs?: number;
  /** Writes under way at a time (default 256), each in a session of its own; more of them wait. */
  readonly maxConcurrentWrites?: number;
  /** Time; for tests and simulations. */
  readonly clock?: Clock;
  /** A number from 0 up to 1, like `Math.random`; for tests and simulations. */
  readonly random?: () => number;
  /** A client id from 1 to 2^62 - 1 that no other client has; for tests and simulations. */
  readonly newClientId?: () => bigint;
}

export interface KvCallOptions {
  /** Time for this call, in milliseconds; replaces that of the client. */
  readonly deadlineMs?: number;
  /** Ends the call with a `KvAbortedError` when aborted. */
  readonly signal?: AbortSignal;
}

/** How a GET is made. */
export interface KvGetOptions extends KvCallOptions {
  /** How new the answer has to be. Default `linearizable`. */
  readonly consistency?: KvConsistency;
}

/** What one server says of itself, or why it does not. */
export type KvNodeReport =
  | { readonly address: string; readonly status: GetStatusResponse }
  | { readonly address: string; readonly error: Error };

const NOTHING_SENT: KvCallReport = { outcome: "not-done", attempts: 0, lastErrors: new Map() };

/**
 * A client of a replicated key-value store.
 *
 * A write is done exactly once if its promise resolves, however often it had to be sent; reads are linearizable. A call that fails rejects
 * with a `KvCallError`, whose `outcome` tells whether a write may have been done all the same. Arguments that cannot be right reject with
 * `KvInvalidArgumentError`, and nothing is sent. Any number of calls may be under way. They are independent of each other: only a
 * call that is awaited is certainly done before the next.
 */
export class KvraftClient {
  readonly #addresses: readonly string[];
  readonly #connect: (address: string) => Transport;
  readonly #deadlineMs: number;
  readonly #servers = new Map<string, Client<typeof KVService>>();
  readonly #context: RetryContext;
  readonly #sessions: SessionPool;
  readonly #calls = new Set<CallScope>();
  #closed = false;

  /** @throws {KvInvalidArgumentError} for no addresses, or numbers out of range */
  constructor(options: KvraftClientOptions) {
    this.#addresses = [...new Set(options.addresses)];
    if (this.#addresses.length === 0) throw new KvInvalidArgumentError("addresses is empty");
    this.#connect = options.connect;
    this.#deadlineMs = checkMs("deadlineMs", options.deadlineMs ?? 10_000);
    this.#context = {
      finder: new LeaderFinder(this.#addresses),
      server: (address) => this.#server(address),
      attemptsPerRound: this.#addresses.length,
      attemptTimeoutMs: checkMs("attemptTimeoutMs", options.attemptTimeoutMs ?? 1000),
      maxPauseMs: checkMs("maxPauseMs", options.maxPauseMs ?? 500),
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    };
    this.#sessions = new SessionPool(
      options.maxConcurrentWrites ?? 256,
      options.newClientId ?? randomClientId,
    );
  }

  /** Sets the value of `key`. Resolves once that is replicated and applied. */
  async put(key: string, value: string, options: KvCallOptions = {}): Promise<void> {
    await this.#write("put", { op: Op.PUT, key, value }, options);
  }

  /** Adds `value` to the end of the value of `key`, or sets it if there is none. Resolves once that is replicated and applied. */
  async append(key: string, value: string, options: KvCallOptions = {}): Promise<void> {
    await this.#write("append", { op: Op.APPEND, key, value }, options);
  }

  /** The value of `key`, null if there is none: at least as new as everything that was done before this call began, unless `consistency` allows less. */
  async get(key: string, options: KvGetOptions = {}): Promise<string | null> {
    const command = { op: Op.GET, key, value: "", clientId: 0n, commandId: 0n };
    checkCommand(command);
    const { consistency = "linearizable" } = options;
    if (!CONSISTENCIES.includes(consistency)) {
      throw new KvInvalidArgumentError(
        `consistency is ${JSON.stringify(consistency)}, not one of ${CONSISTENCIES.join(", ")}`,
      );
    }
    const request = { command, consistency };
    return this.#call("get", options, (call) => new RetryLoop(this.#context, request, call).run());
  }

  /**
   * Asks every server for its status, in the order of `addresses`. Waits for each up to `attemptTimeoutMs`, or the deadline if that is earlier;
   * a server that does not answer is part of the result, not an error.
   */
  async status(options: KvCallOptions = {}): Promise<readonly KvNodeReport[]> {
    return this.#call("status", options, async (call) => {
      const reports = await Promise.all(this.#addresses.map((address) => this.#statusOf(address, call)));
      if (call.ended === "aborted" || call.ended === "closed") {
        throw call.endError(call.ended, NOTHING_SENT);
      }
      return reports;
    });
  }

  /** Ends all calls under way with `KvClosedError`, and every later one. The transports belong to whoever made them. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.end("closed");
  }

  async #write(
    what: string,
    write: Pick<KvCommand, "op" | "key" | "value">,
    options: KvCallOptions,
  ): Promise<void> {
    checkCommand({ ...write, clientId: 0n, commandId: 0n });
    await this.#call(what, options, async (call) => {
      const session = await this.#session(call);
      const ids = { clientId: session.clientId, commandId: session.nextCommandId() };
      const request = { command: { ...write, ...ids }, consistency: "linearizable" } as const;
      const loop = new RetryLoop(this.#context, request, call);
      try {
        await loop.run();
      } finally {
        if (loop.outcomeUnknown) this.#sessions.retire();
        else this.#sessions.release(session);
      }
    });
  }

  async #session(call: CallScope): Promise<ClientSession> {
    try {
      return await this.#sessions.acquire(call.signal);
    } catch (error) {
      throw call.ended === null ? error : call.endError(call.ended, NOTHING_SENT);
    }
  }

  async #call<T>(what: string, options: KvCallOptions, body: (call: CallScope) => Promise<T>): Promise<T> {
    const deadlineMs = checkMs("deadlineMs", options.deadlineMs ?? this.#deadlineMs);
    const call = new CallScope(what, this.#context.clock, deadlineMs, options.signal);
    if (this.#closed) call.end("closed");
    this.#calls.add(call);
    try {
      return await body(call);
    } finally {
      this.#calls.delete(call);
      call.dispose();
    }
  }

  async #statusOf(address: string, call: CallScope): Promise<KvNodeReport> {
    const { attemptTimeoutMs, clock } = this.#context;
    try {
      const server = this.#server(address);
      const limits = { timeoutMs: attemptTimeoutMs, signal: call.signal, clock };
      const status = await withinLimits(limits, (signal) => server.getStatus({}, { signal }));
      return { address, status };
    } catch (error) {
      return { address, error: error instanceof Error ? error : new Error(String(error), { cause: error }) };
    }
  }

  #server(address: string): Client<typeof KVService> {
    let server = this.#servers.get(address);
    if (server === undefined) {
      server = createClient(KVService, this.#connect(address));
      this.#servers.set(address, server);
    }
    return server;
  }
}

function checkCommand(command: KvCommand): void {
  const { key, value } = command;
  if (typeof key !== "string" || typeof value !== "string") {
    throw new KvInvalidArgumentError("key and value must be strings");
  }
  // UTF-8 has no lone surrogates. What would be written is not what was passed.
  if (!key.isWellFormed() || !value.isWellFormed()) {
    throw new KvInvalidArgumentError("key and value must be well-formed Unicode, without lone surrogates");
  }
  const fault = commandFault(command);
  if (fault !== null) throw new KvInvalidArgumentError(faultMessage(fault));
}

function checkMs(name: string, ms: number): number {
  if (!(ms > 0 && ms <= MAX_TIMER_MS)) {
    throw new KvInvalidArgumentError(`${name} is ${ms}, not a number of milliseconds above 0 and below 2^31`);
  }
  return ms;
}
