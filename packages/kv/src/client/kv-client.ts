import { KvService } from "@eraft/proto/eraft/kv/v1";
import { type KvRange, checkWhole, toRange } from "./arguments.ts";
import type { CallScope } from "./call-scope.ts";
import { Caller, checkMs, type KvCallOptions, type KvCallerOptions, type KvNodeReport } from "./caller.ts";
import { Backoff } from "./backoff.ts";
import { KvSessionExpiredError } from "../errors.ts";
import { judgeError } from "./failure.ts";
import type { KvItem } from "./item.ts";
import type { KvMethod } from "./methods.ts";
import { KvOperations, type KvReadOptions } from "./operations.ts";
import { RetryLoop, type RetryRequest } from "./retry-loop.ts";
import { type KvScanOptions, scan } from "./scan.ts";
import { Servers } from "./servers.ts";
import { SESSION_WINDOW, WriteSessions, type WriteTicket } from "./write-sessions.ts";
import { KvStream, type KvStreamOptions, type StreamPort } from "./stream.ts";
import { KvWatch, type KvWatchOptions, type WatchPort } from "./watch.ts";
import { withinLimits } from "./within-limits.ts";

export interface KvClientOptions extends KvCallerOptions {
  /** Writes under way at a time: 1 to 1,024 (default 256); more of them wait, in the order of the calls. */
  readonly maxConcurrentWrites?: number;
  /** A server that tells a watch nothing for so long is taken for gone, in milliseconds (default 10,000). Servers say every few seconds that there is nothing new. */
  readonly watchIdleMs?: number;
}

/**
 * A client of a replicated key-value store: `eraft.kv.v1`.
 *
 * A write is done exactly once if its promise resolves, however often it had to be sent; reads are linearizable. A call that fails rejects with a `KvCallError`,
 * whose `outcome` tells whether a write may have been done all the same. Any number of calls may be under way. They are independent of each other: only a call that is
 * awaited is certainly done before the next.
 */
export class KvClient extends KvOperations {
  readonly #caller: Caller;
  readonly #servers: Servers<typeof KvService>;
  readonly #sessions: WriteSessions;
  readonly #watchPort: WatchPort;
  readonly #streamPort: StreamPort;

  /** @throws {KvInvalidArgumentError} for no addresses, or numbers out of range */
  constructor(options: KvClientOptions) {
    super();
    this.#caller = new Caller(options);
    this.#servers = new Servers(KvService, this.#caller.transports);
    const maxConcurrent = checkWhole(
      "maxConcurrentWrites",
      options.maxConcurrentWrites ?? 256,
      1,
      SESSION_WINDOW,
    );
    this.#sessions = new WriteSessions(maxConcurrent, (call) => this.#openSession(call));
    const port = { caller: this.#caller, server: (address: string) => this.#servers.at(address) };
    this.#streamPort = { ...port, openSession: (call) => this.#openSession(call) };
    this.#watchPort = {
      ...port,
      currentRevision: (signal) => this.#currentRevision(signal),
      idleMs: checkMs("watchIdleMs", options.watchIdleMs ?? 10_000),
    };
  }

  /**
   * The items of a range, page after page, in ascending order of the bytes of the keys: `for await (const item of kv.scan({ prefix: "user/" }))`. What is written while the
   * pages are read may show in those that follow; each page by itself is one state.
   */
  scan(range: KvRange = {}, options: KvScanOptions = {}): AsyncIterable<KvItem> {
    // Bad arguments are refused here, and not when the first item is asked for.
    toRange(range);
    if (options.pageSize !== undefined) checkWhole("pageSize", options.pageSize, 1, 10_000);
    if (options.limit !== undefined) checkWhole("limit", options.limit, 1, Number.MAX_SAFE_INTEGER);
    return { [Symbol.asyncIterator]: () => scan(this, range, options) };
  }

  /**
   * The changes of a range, each once and in order, whatever becomes of the servers: `for await (const change of kv.watch({ prefix: "user/" }))`. Ends with a `KvCompactedError` if
   * the revision that it asks for, or has come to, is not kept any more.
   */
  watch(range: KvRange = {}, options: KvWatchOptions = {}): KvWatch {
    return new KvWatch(this.#watchPort, range, options);
  }

  /**
   * Many calls over one stream, for throughput. It has a session of its own, and lives until it is closed. Where the transport has no streams in both directions, as over HTTP/1.1 and
   * in browsers, its calls reject with a `KvUnsupportedError`.
   */
  stream(options: KvStreamOptions = {}): KvStream {
    return new KvStream(this.#streamPort, options);
  }

  /**
   * Asks every server for its status, in the order of `addresses`. Waits for each up to `attemptTimeoutMs`, or the deadline if that is earlier;
   * a server that does not answer is part of the result, not an error.
   */
  async status(options: KvCallOptions = {}): Promise<readonly KvNodeReport[]> {
    return this.#caller.status(options);
  }

  /** Ends all calls, watches and streams under way with `KvClosedError`, and every later one. The transports belong to whoever made them. */
  close(): void {
    this.#caller.close();
  }

  protected override async perform<Q extends object, A>(
    method: KvMethod<Q, A>,
    request: Q,
    options: KvReadOptions,
  ): Promise<A> {
    return this.#caller.call(method.name, options, (call) => {
      if (method.isWrite) return this.#write(method, request, call);
      const kind = options.consistency === "stale" ? "staleRead" : "read";
      return this.#loop({ kind, attempt: this.#attempt(method, () => request) }, call).run();
    });
  }

  async #write<Q extends object, A>(method: KvMethod<Q, A>, request: Q, call: CallScope): Promise<A> {
    const backoff = new Backoff(this.#caller.context);
    for (;;) {
      const ticket = await this.#sessions.acquire(call);
      const { session, sequence } = ticket;
      // Every attempt has the same number, by which servers recognise it, and says what has been answered meanwhile.
      const send = this.#attempt(method, () => ({ ...request, serial: session.serial(sequence) }));
      try {
        return await this.#loop({ kind: "write", attempt: send }, call).run();
      } catch (error) {
        if (!this.#mayBeginAnew(error, ticket)) throw error;
      } finally {
        this.#sessions.release(ticket);
      }
      await call.sleep(backoff.nextMs());
    }
  }

  /**
   * Whether a write can be made in another session. Suppose it was sent twice, the first attempt was done and its answer lost, and then the session was
   * forgotten: the second attempt finds no session, and a third one, in a new session, would do it again.
   */
  #mayBeginAnew(error: unknown, { session }: WriteTicket): boolean {
    if (!(error instanceof KvSessionExpiredError)) return false;
    this.#sessions.forget(session);
    return error.outcome === "not-done";
  }

  /** A page of one key costs little, and tells the revision of a state that is as new as can be. */
  async #currentRevision(signal: AbortSignal): Promise<number> {
    const { revision } = await this.scanPage({}, { limit: 1, keysOnly: true, signal });
    return revision;
  }

  #openSession(call: CallScope): Promise<bigint> {
    const attempt: RetryRequest<bigint>["attempt"] = async (address, limits) => {
      const server = this.#servers.at(address);
      const { timeoutMs } = limits;
      try {
        const { sessionId } = await withinLimits(limits, (signal) =>
          server.openSession({}, { signal, timeoutMs }),
        );
        return { type: "answer", value: sessionId };
      } catch (error) {
        return judgeError(error);
      }
    };
    // A session that is opened and whose answer is lost is never used, and forgotten in time: nothing has to be known of it.
    return this.#loop({ kind: "read", attempt }, call).run();
  }

  #attempt<Q extends object, A>(method: KvMethod<Q, A>, request: () => Q): RetryRequest<A>["attempt"] {
    return async (address, limits) => {
      const server = this.#servers.at(address);
      const { timeoutMs } = limits;
      try {
        const value = await withinLimits(limits, (signal) =>
          method.send(server, request(), { signal, timeoutMs }),
        );
        return { type: "answer", value };
      } catch (error) {
        return judgeError(error);
      }
    };
  }

  #loop<T>(request: RetryRequest<T>, call: CallScope): RetryLoop<T> {
    return new RetryLoop(this.#caller.context, request, call);
  }
}
