import { KVService, Op } from "@eraft/proto/kvraftpb";
import { type KvCall, attempt } from "./attempt.ts";
import type { CallScope } from "./call-scope.ts";
import {
  Caller,
  type KvCallOptions,
  type KvCallerOptions,
  type KvNodeReport,
  NOTHING_SENT,
} from "./caller.ts";
import { type KvCommand, commandFault } from "../state/command.ts";
import { faultMessage } from "../state/fault-message.ts";
import { KvInvalidArgumentError } from "../errors.ts";
import { CONSISTENCIES, type KvConsistency } from "../protocol.ts";
import { RetryLoop, type RetryRequest } from "./retry-loop.ts";
import { Servers } from "./servers.ts";
import { type ClientSession, SessionPool, randomClientId } from "./session-pool.ts";

export interface KvraftClientOptions extends KvCallerOptions {
  /** Writes under way at a time (default 256), each in a session of its own; more of them wait. */
  readonly maxConcurrentWrites?: number;
  /** A client id from 1 to 2^62 - 1 that no other client has; for tests and simulations. */
  readonly newClientId?: () => bigint;
}

/** How a GET is made. */
export interface KvGetOptions extends KvCallOptions {
  /** How new the answer has to be. Default `linearizable`. */
  readonly consistency?: KvConsistency;
}

/**
 * A client of a replicated key-value store that speaks the contract of the Go nodes; `KvClient` can do more.
 *
 * A write is done exactly once if its promise resolves, however often it had to be sent; reads are linearizable. A call that fails rejects
 * with a `KvCallError`, whose `outcome` tells whether a write may have been done all the same. Arguments that cannot be right reject with
 * `KvInvalidArgumentError`, and nothing is sent. Any number of calls may be under way. They are independent of each other: only a
 * call that is awaited is certainly done before the next.
 */
export class KvraftClient {
  readonly #caller: Caller;
  readonly #servers: Servers<typeof KVService>;
  readonly #sessions: SessionPool;

  /** @throws {KvInvalidArgumentError} for no addresses, or numbers out of range */
  constructor(options: KvraftClientOptions) {
    this.#caller = new Caller(options);
    this.#servers = new Servers(KVService, this.#caller.transports);
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
    return this.#caller.call("get", options, (call) => this.#loop({ command, consistency }, call).run());
  }

  /**
   * Asks every server for its status, in the order of `addresses`. Waits for each up to `attemptTimeoutMs`, or the deadline if that is earlier;
   * a server that does not answer is part of the result, not an error.
   */
  async status(options: KvCallOptions = {}): Promise<readonly KvNodeReport[]> {
    return this.#caller.status(options);
  }

  /** Ends all calls under way with `KvClosedError`, and every later one. The transports belong to whoever made them. */
  close(): void {
    this.#caller.close();
  }

  async #write(
    what: string,
    write: Pick<KvCommand, "op" | "key" | "value">,
    options: KvCallOptions,
  ): Promise<void> {
    checkCommand({ ...write, clientId: 0n, commandId: 0n });
    await this.#caller.call(what, options, async (call) => {
      const session = await this.#session(call);
      const ids = { clientId: session.clientId, commandId: session.nextCommandId() };
      const loop = this.#loop({ command: { ...write, ...ids }, consistency: "linearizable" }, call);
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

  #loop(request: KvCall, call: CallScope): RetryLoop<string | null> {
    const { op } = request.command;
    const readKind = request.consistency === "stale" ? "staleRead" : "read";
    const kind = op === Op.GET ? readKind : "write";
    const send = { kind, attempt: this.#attempt(request) } as const;
    return new RetryLoop(this.#caller.context, send, call);
  }

  #attempt(request: KvCall): RetryRequest<string | null>["attempt"] {
    return async (address, limits) => attempt(this.#servers.at(address), request, limits);
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
