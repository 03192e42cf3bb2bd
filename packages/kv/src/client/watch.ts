import { type Client, ConnectError } from "@connectrpc/connect";
import { type KvService, Reason, type WatchResponse } from "@eraft/proto/eraft/kv/v1";
import { AddressWalk } from "./address-walk.ts";
import { type KvRange, toRange, toRevision } from "./arguments.ts";
import { Backoff } from "./backoff.ts";
import type { CallScope } from "./call-scope.ts";
import { type Caller, checkMs } from "./caller.ts";
import { type KvCallReport, KvCompactedError, KvFutureRevisionError, KvTimeoutError } from "../errors.ts";
import { failureOf } from "./failure.ts";
import { type KvChange, changeOf } from "./item.ts";
import { withinLimits } from "./within-limits.ts";

export interface KvWatchOptions {
  /** The first revision whose changes are told. Default: the one after the present one. */
  readonly fromRevision?: number;
  /** Ends the watch with a `KvAbortedError` when aborted. */
  readonly signal?: AbortSignal;
  /** For how long there may be no server that serves the watch, until it ends with a `KvTimeoutError`, in milliseconds (default 60,000). */
  readonly patienceMs?: number;
}

/** All that is new since the update before. */
export interface KvUpdate {
  /** In order; all changes of a revision are in one update. None, if nothing has happened and the server says so. */
  readonly changes: readonly KvChange[];
  /** All that happened up to this revision has been told: a watch from the one after goes on from here. */
  readonly revision: number;
}

/** What a watch needs of its client. */
export interface WatchPort {
  readonly caller: Caller;
  readonly server: (address: string) => Client<typeof KvService>;
  /** The revision that the store has at least reached, asked after this was called. */
  readonly currentRevision: (signal: AbortSignal) => Promise<number>;
  /** A server that says nothing for so long is taken for gone, in milliseconds. */
  readonly idleMs: number;
}

/** A stream of one server. */
interface Open {
  readonly responses: AsyncIterator<WatchResponse>;
  readonly controller: AbortController;
  /** Whether it has said anything yet. */
  hasBegun: boolean;
}

/**
 * The changes of a range, each once and in order, for as long as they are asked for. When its server fails, the watch goes on at another one where it was.
 *
 * Nothing is fetched ahead: while nobody asks for the next change, the server waits, and after a while gives up. Then the watch begins again where it was, once it is
 * asked; if that is not kept any more, it ends with a `KvCompactedError`. To be iterated once; `break`, `close` and the signal end it.
 */
export class KvWatch implements AsyncIterable<KvChange> {
  readonly #port: WatchPort;
  readonly #range: ReturnType<typeof toRange>;
  readonly #signal: AbortSignal | undefined;
  readonly #patienceMs: number;
  readonly #backoff: Backoff;
  readonly #lastErrors = new Map<string, Error>();
  #walk: AddressWalk | null = null;
  #scope: CallScope | null = null;
  #stream: Open | null = null;
  /** All up to this revision has arrived here. Null while nobody has said what the present one is. */
  #arrived: number | null;
  #handedOut: number | null;
  #first: Promise<WatchResponse> | null = null;
  #attempts = 0;
  /** What the cluster had reached when the server had no news before. Who still has none of it is cut off, or not a member any more. */
  #overdue = 0;
  /** When the server failed that served last; null while one serves. */
  #outageSinceMs: number | null = null;
  #isTaken = false;
  #isClosed = false;

  /** @throws {KvInvalidArgumentError} */
  constructor(port: WatchPort, range: KvRange, options: KvWatchOptions) {
    this.#port = port;
    this.#range = toRange(range);
    this.#signal = options.signal;
    this.#patienceMs = checkMs("patienceMs", options.patienceMs ?? 60_000);
    this.#backoff = new Backoff(port.caller.context);
    const { fromRevision } = options;
    if (fromRevision !== undefined) toRevision("fromRevision", fromRevision);
    this.#arrived = fromRevision === undefined ? null : fromRevision - 1;
    this.#handedOut = this.#arrived;
  }

  /** All changes up to this revision have been handed out, and the last of them has been dealt with: the next one was asked for. Null before it has begun. */
  get revision(): number | null {
    return this.#handedOut;
  }

  /** Streams that were begun, at whichever server: the first one, and one more whenever a server has failed. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Begins, if iterating has not begun it. Resolves once a server tells all changes after the revision that this resolves with. Rejects as iterating would. */
  async started(): Promise<number> {
    const asked = this.#handedOut;
    const { revision, changes } = await this.#begin();
    const first = changes[0]?.change.value?.modRevision;
    return asked ?? Number(first === undefined ? revision : first - 1n);
  }

  /** One change after the other. */
  [Symbol.asyncIterator](): AsyncIterator<KvChange, void, undefined> {
    return this.#endedBy(this.#changes());
  }

  /** The same by revisions, and with the news that there is nothing new. */
  updates(): AsyncIterable<KvUpdate, void, undefined> {
    return { [Symbol.asyncIterator]: () => this.#endedBy(this.#updates()) };
  }

  /** Ends it: there are no more changes. */
  close(): void {
    this.#isClosed = true;
    this.#scope?.end("closed");
    this.#end();
  }

  async *#changes(): AsyncGenerator<KvChange, void, undefined> {
    for await (const { changes } of this.#updates()) yield* changes;
  }

  async *#updates(): AsyncGenerator<KvUpdate, void, undefined> {
    if (this.#isTaken) throw new Error("a watch is iterated once: begin another one");
    this.#isTaken = true;
    try {
      let response = await this.#begin();
      for (;;) {
        const revision = Number(response.revision);
        yield { changes: response.changes.map(changeOf), revision };
        this.#handedOut = revision;
        response = await this.#next();
      }
    } catch (error) {
      if (!this.#isClosed) throw error;
    } finally {
      this.#end();
    }
  }

  /** A generator's `return` waits for what it waits for; this does not. */
  #endedBy<T>(generator: AsyncGenerator<T, void, undefined>): AsyncIterator<T, void, undefined> {
    return {
      next: () => generator.next(),
      return: () => {
        this.close();
        return generator.return();
      },
    };
  }

  #begin(): Promise<WatchResponse> {
    this.#first ??= this.#next();
    return this.#first;
  }

  /** The next response, from whichever server. */
  async #next(): Promise<WatchResponse> {
    const { caller } = this.#port;
    this.#scope ??= caller.open("watch", null, this.#signal);
    if (this.#isClosed) this.#scope.end("closed");
    const { finder, random } = caller.context;
    // Any server can tell a watch. Of a thousand clients with one watch each, not all should ask the first in the list.
    this.#walk ??= new AddressWalk(finder, finder.any(random()));
    for (;;) {
      if (this.#scope.ended !== null) throw this.#scope.endError(this.#scope.ended, this.#report());
      const { address } = this.#walk;
      try {
        const response = await this.#receive(address);
        this.#outageSinceMs = null;
        this.#walk.settle();
        this.#backoff.reset();
        this.#lastErrors.clear();
        return response;
      } catch (error) {
        await this.#failed(address, ConnectError.from(error));
      }
    }
  }

  async #receive(address: string): Promise<WatchResponse> {
    const { caller, idleMs } = this.#port;
    const { clock, attemptTimeoutMs } = caller.context;
    this.#stream ??= this.#open(address);
    const stream = this.#stream;
    const timeoutMs = stream.hasBegun ? idleMs : attemptTimeoutMs;
    const signal = this.#scope?.signal ?? stream.controller.signal;
    const { value, done } = await withinLimits({ timeoutMs, signal, clock }, () => stream.responses.next());
    if (done === true) throw new Error("the server has ended the watch");
    this.#check(value);
    if (stream.hasBegun && Number(value.revision) === this.#arrived) this.#suspect(this.#arrived, signal);
    stream.hasBegun = true;
    this.#arrived = Number(value.revision);
    return value;
  }

  /**
   * A server that says again and again that there is nothing new may be cut off from the others, or removed from the cluster, and will then say so for ever. So the cluster is asked
   * how far it is; a server that has not come so far by the time it has no news again is left.
   */
  #suspect(arrived: number, signal: AbortSignal): void {
    if (arrived < this.#overdue) {
      throw new Error(
        `it has nothing new since revision ${arrived}, and the cluster was at ${this.#overdue} before`,
      );
    }
    this.#port.currentRevision(signal).then(
      (revision) => (this.#overdue = revision),
      // Then nobody knows of anything new.
      () => {},
    );
  }

  #open(address: string): Open {
    this.#attempts += 1;
    const controller = new AbortController();
    const fromRevision = BigInt(this.#arrived === null ? 0 : this.#arrived + 1);
    const request = { range: this.#range, fromRevision };
    const responses = this.#port.server(address).watch(request, { signal: controller.signal });
    return { responses: responses[Symbol.asyncIterator](), controller, hasBegun: false };
  }

  /** A server that tells something twice, or leaves something out, is not believed: the next one is asked. */
  #check({ changes, revision }: WatchResponse): void {
    let last = this.#arrived ?? -1;
    if (Number(revision) < last) throw new Error(`it goes back from revision ${last} to ${revision}`);
    if (this.#arrived !== null) last += 1;
    for (const { change } of changes) {
      const modRevision = Number(change.value?.modRevision ?? 0);
      if (modRevision < last) throw new Error(`it tells revision ${modRevision} after ${last - 1}`);
      last = modRevision;
    }
    if (last > Number(revision) + 1) throw new Error(`it tells revision ${last} of ${revision}`);
  }

  /** Resolves once the next attempt is due; rejects if there is to be none. */
  async #failed(address: string, error: ConnectError): Promise<void> {
    const hadBegun = this.#stream?.hasBegun === true;
    this.#drop(error);
    const scope = this.#scope;
    if (scope === null || scope.ended !== null) return;
    this.#lastErrors.set(address, error);
    const failure = failureOf(error);
    if (failure?.reason === Reason.COMPACTED) {
      throw new KvCompactedError(Number(failure.firstRevision), this.#report(), { cause: error });
    }
    if (failure?.reason === Reason.FUTURE_REVISION) await this.#checkFuture(scope, error);
    // Nothing is wrong with a server for which this watch was too slow.
    if (failure?.reason === Reason.TOO_SLOW && hadBegun) return;
    const { clock, attemptsPerRound } = this.#port.caller.context;
    this.#outageSinceMs ??= clock.now();
    if (clock.now() - this.#outageSinceMs >= this.#patienceMs) {
      throw new KvTimeoutError(`the watch has had no server for ${this.#patienceMs} ms`, this.#report());
    }
    this.#walk?.advance(failure?.leaderAddress ?? null);
    if (this.#attempts % attemptsPerRound === 0) await scope.sleep(this.#backoff.nextMs());
  }

  /** A server may only be behind. Whether what is asked for has happened, or is the next to happen, the whole cluster must say. */
  async #checkFuture(scope: CallScope, cause: Error): Promise<void> {
    let current: number;
    try {
      current = await this.#port.currentRevision(scope.signal);
    } catch {
      // It cannot say now. There will be another attempt, if there is time.
      return;
    }
    const asked = (this.#arrived ?? 0) + 1;
    if (asked > current + 1) throw new KvFutureRevisionError(asked, current, this.#report(), { cause });
  }

  #drop(why: Error): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.controller.abort(why);
  }

  #end(): void {
    this.#drop(new Error("the watch has ended"));
    if (this.#scope !== null) this.#port.caller.done(this.#scope);
  }

  #report(): KvCallReport {
    return { outcome: "not-done", attempts: this.#attempts, lastErrors: new Map(this.#lastErrors) };
  }
}
