import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { KvService, StreamReply, StreamRequestSchema } from "@eraft/proto/eraft/kv/v1";
import { AddressWalk } from "./address-walk.ts";
import { checkWhole } from "./arguments.ts";
import { Backoff } from "./backoff.ts";
import { CallQueue } from "./call-queue.ts";
import type { CallScope } from "./call-scope.ts";
import type { Caller } from "./caller.ts";
import { type KvCallReport, KvBusyError, KvUnsupportedError } from "../errors.ts";
import { judgeError, judgeFailure } from "./failure.ts";
import type { KvMethod } from "./methods.ts";
import { KvOperations, type KvReadOptions } from "./operations.ts";
import { StreamLink } from "./stream-link.ts";
import { StreamedCall } from "./streamed-call.ts";
import { type Failed, type Verdict, failed } from "./verdict.ts";
import { SESSION_WINDOW, WriteSession } from "./write-sessions.ts";

export interface KvStreamOptions {
  /** Calls that are sent and have no answer: 1 to 1,024 (default 1,024). More of them wait. */
  readonly maxInFlight?: number;
  /** Calls that wait to be sent (default 16,384). Those beyond are refused with a `KvBusyError`; `ready` tells when there is room. */
  readonly maxWaiting?: number;
}

/** What a stream needs of its client. */
export interface StreamPort {
  readonly caller: Caller;
  readonly server: (address: string) => Client<typeof KvService>;
  readonly openSession: (call: CallScope) => Promise<bigint>;
}

/** A message that has come so far is sent; more goes into the next one. */
const MESSAGE_CALLS = 256;
const MESSAGE_BYTES = 256 * 1024;

/**
 * Many calls over one stream of one server, the leader: a message carries all that gathered while the one before was written. Each call by itself is as
 * reliable as those of the client: when the stream breaks, what has no answer is sent again over another one.
 *
 * Writes are done in the order of the calls while nothing has to be sent again. Where order matters in any case, await one before the next, or use a batch.
 */
export class KvStream extends KvOperations {
  readonly #port: StreamPort;
  readonly #scope: CallScope;
  readonly #maxInFlight: number;
  readonly #maxWaiting: number;
  readonly #walk: AddressWalk;
  readonly #backoff: Backoff;
  readonly #lastErrors = new Map<string, Error>();
  readonly #waiting = new CallQueue();
  /** Those that are sent and have no answer, in the order in which they were sent. */
  readonly #inFlight = new Map<bigint, StreamedCall>();
  /** Those whose session was forgotten, and which certainly were not done. They wait for the answers to the others, so that none passes another. */
  readonly #homeless: StreamedCall[] = [];
  #session: WriteSession | null = null;
  #link: StreamLink | null = null;
  #isOpening = false;
  #isPausing = false;
  #attempts = 0;
  #calls = 0n;
  #lastReplyMs = 0;
  #cancelWatchdog: (() => void) | null = null;
  #sweep: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #whenReady: PromiseWithResolvers<void> | null = null;
  #end: ((call: StreamedCall) => void) | null = null;

  /** @throws {KvInvalidArgumentError} for numbers out of range */
  constructor(port: StreamPort, options: KvStreamOptions) {
    super();
    this.#port = port;
    this.#maxInFlight = checkWhole("maxInFlight", options.maxInFlight ?? SESSION_WINDOW, 1, SESSION_WINDOW);
    this.#maxWaiting = checkWhole("maxWaiting", options.maxWaiting ?? 16_384, 1, Number.MAX_SAFE_INTEGER);
    const { context } = port.caller;
    this.#walk = new AddressWalk(context.finder, context.finder.first());
    this.#backoff = new Backoff(context);
    this.#scope = port.caller.open("stream", null, undefined);
    const onEnd = (): void => this.close();
    this.#scope.signal.addEventListener("abort", onEnd, { once: true });
    if (this.#scope.ended !== null) onEnd();
  }

  /** Calls that have no answer yet. */
  get pending(): number {
    return this.#inFlight.size + this.#waiting.length + this.#homeless.length;
  }

  /** Resolves when few calls wait to be sent: at once, or when others have been. */
  ready(): Promise<void> {
    if (this.#waiting.length < this.#maxInFlight || this.#end !== null) return Promise.resolve();
    this.#whenReady ??= Promise.withResolvers<void>();
    return this.#whenReady.promise;
  }

  /** Ends all calls that have no answer with a `KvClosedError`, and every later one. */
  close(): void {
    this.#endAll((call) => call.end("closed", this.#lastErrors));
  }

  protected override async perform<Q extends object, A>(
    method: KvMethod<Q, A>,
    request: Q,
    options: KvReadOptions,
  ): Promise<A> {
    const deadlineMs = this.#port.caller.deadlineMs(options);
    this.#calls += 1n;
    const call = new StreamedCall(this.#calls, method as unknown as KvMethod<object, unknown>, request, {
      deadlineMs,
      nowMs: this.#clock.now(),
    });
    if (this.#end !== null) this.#end(call);
    else if (this.#waiting.length >= this.#maxWaiting) call.fail(tooMany(this.#maxWaiting), this.#lastErrors);
    else this.#begin(call, options.signal);
    return (await call.answer) as A;
  }

  get #clock(): Caller["context"]["clock"] {
    return this.#port.caller.context.clock;
  }

  #begin(call: StreamedCall, signal: AbortSignal | undefined): void {
    if (signal !== undefined) call.heed(signal, () => this.#giveUp(call, "aborted"));
    if (call.isSettled) return;
    this.#waiting.push(call);
    this.#sweepAt(call.endsAtMs);
    this.#go();
  }

  /** Nobody waits for this one any more. If it was sent, it may be done all the same. */
  #giveUp(call: StreamedCall, why: "deadline" | "aborted"): void {
    if (call.isSettled) return;
    if (this.#inFlight.delete(call.id)) call.mayHappen = true;
    call.end(why, this.#lastErrors);
    // It may have been what kept the window from moving.
    this.#go();
  }

  /** Sends what can be sent, over a stream that there is or over a new one. */
  #go(): void {
    if (this.#end !== null || this.#isPausing) return;
    this.#settleHomeless();
    if (this.#link !== null) this.#link.wake();
    else if (this.pending > 0) this.#connect();
  }

  #connect(): void {
    const { address } = this.#walk;
    this.#attempts += 1;
    try {
      this.#link = new StreamLink(this.#port.server(address), {
        take: () => this.#take(),
        replied: (link, replies) => this.#replied(link, replies),
        failed: (link, error) => this.#linkFailed(link, judgeEnd(error), error),
      });
    } catch (cause) {
      this.#pauseOrGo(failed(new Error(`there is no transport: ${String(cause)}`, { cause }), "none"));
    }
  }

  #take(): MessageInitShape<typeof StreamRequestSchema> | null {
    const calls: { readonly callId: bigint; readonly call: object }[] = [];
    let bytes = 0;
    while (this.#inFlight.size < this.#maxInFlight && calls.length < MESSAGE_CALLS && bytes < MESSAGE_BYTES) {
      const call = this.#waiting.first();
      if (call === null || this.#homeless.length > 0 || !this.#hasSerial(call)) break;
      this.#waiting.shift();
      if (this.#inFlight.size === 0) this.#lastReplyMs = this.#clock.now();
      this.#inFlight.set(call.id, call);
      call.sends += 1;
      bytes += sizeOf(call.request);
      calls.push(call.message());
    }
    if (calls.length === 0) return null;
    this.#watch();
    if (this.#waiting.length < this.#maxInFlight) this.#isReady();
    return { calls } as MessageInitShape<typeof StreamRequestSchema>;
  }

  /** Whether it is recognisable if it has to be sent again, or need not be. */
  #hasSerial(call: StreamedCall): boolean {
    if (!call.method.isWrite || call.serial !== null) return true;
    if (this.#session === null) void this.#openSession();
    if (this.#session === null || !this.#session.hasRoom) return false;
    call.serial = { session: this.#session, sequence: this.#session.begin() };
    return true;
  }

  async #openSession(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    try {
      this.#session = new WriteSession(await this.#port.openSession(this.#scope));
    } catch (error) {
      // Servers refuse it for good, or this is over. What waits has a deadline; there is no use in asking them again and again.
      if (error instanceof Error) this.#lastErrors.set(this.#walk.address, error);
      await this.#scope.sleep(this.#backoff.nextMs());
    } finally {
      this.#isOpening = false;
    }
    this.#go();
  }

  #replied(link: StreamLink, replies: readonly StreamReply[]): void {
    if (link !== this.#link) return;
    this.#lastReplyMs = this.#clock.now();
    for (const { callId, reply } of replies) {
      const call = this.#inFlight.get(callId);
      if (call === undefined) continue;
      if (reply.case !== "failure") {
        if (reply.case !== call.method.name) {
          const error = new Error(`it answers ${call.method.name} with ${reply.case}`);
          this.#linkFailed(link, failed(error, "possible"), error);
          return;
        }
        this.#inFlight.delete(callId);
        this.#answered(call);
        call.resolve(reply.value);
        continue;
      }
      const verdict = judgeFailure(reply.value, new ConnectError(reply.value.message, Code.Unknown));
      if (verdict.type === "failed") {
        // All that were sent after it are sent again after it, so that they stay in order.
        this.#linkFailed(link, verdict, verdict.error);
        return;
      }
      if (verdict.type === "refused") this.#refused(call, verdict);
    }
    this.#go();
  }

  #answered(call: StreamedCall): void {
    this.#walk.settle();
    this.#backoff.reset();
    if (call.method.isWrite) this.#port.caller.context.finder.wrote(this.#walk.address);
  }

  #refused(call: StreamedCall, verdict: Extract<Verdict<never>, { type: "refused" }>): void {
    this.#inFlight.delete(call.id);
    if (verdict.reason === "sessionExpired") {
      if (this.#session === call.serial?.session) this.#session = null;
      if (!call.mayHappen) {
        call.serial = null;
        this.#homeless.push(call);
        return;
      }
    }
    call.refuse(verdict, this.#lastErrors);
  }

  #settleHomeless(): void {
    if (this.#homeless.length === 0 || this.#inFlight.size > 0) return;
    this.#waiting.putBack(this.#homeless.splice(0));
  }

  #linkFailed(link: StreamLink, verdict: Failed, reason: unknown): void {
    if (link !== this.#link) return;
    this.#link = null;
    link.close();
    if (!link.hasReplied && isUnsupported(reason)) {
      this.#endAll((call) => call.fail(unsupported(reason), this.#lastErrors));
      return;
    }
    for (const call of this.#inFlight.values()) call.mayHappen = true;
    this.#waiting.putBack([...this.#homeless.splice(0), ...this.#inFlight.values()].toSorted(byAge));
    this.#inFlight.clear();
    this.#pauseOrGo(verdict);
  }

  #pauseOrGo({ error, hint, busy }: Failed): void {
    this.#lastErrors.set(this.#walk.address, error);
    if (!busy) this.#walk.advance(hint);
    if (!busy && this.#attempts % this.#port.caller.context.attemptsPerRound !== 0) {
      this.#go();
      return;
    }
    void this.#pause();
  }

  async #pause(): Promise<void> {
    this.#isPausing = true;
    await this.#scope.sleep(this.#backoff.nextMs());
    this.#isPausing = false;
    this.#go();
  }

  /** A server that does not reply to anything for the time of an attempt is left for another one. */
  #watch(): void {
    if (this.#cancelWatchdog !== null || this.#end !== null) return;
    const { attemptTimeoutMs } = this.#port.caller.context;
    const dueMs = this.#lastReplyMs + attemptTimeoutMs - this.#clock.now();
    this.#cancelWatchdog = this.#clock.after(Math.max(1, dueMs), () => {
      this.#cancelWatchdog = null;
      if (this.#inFlight.size === 0) return;
      if (this.#link !== null && this.#clock.now() - this.#lastReplyMs >= attemptTimeoutMs) {
        const error = new Error(`no reply within ${attemptTimeoutMs} ms`);
        this.#linkFailed(this.#link, failed(error, "possible"), error);
      } else {
        this.#watch();
      }
    });
  }

  /** One timer for all deadlines. */
  #sweepAt(atMs: number): void {
    if (this.#sweep !== null && this.#sweep.atMs <= atMs) return;
    this.#sweep?.cancel();
    const cancel = this.#clock.after(Math.max(0, atMs - this.#clock.now()), () => {
      this.#sweep = null;
      const nowMs = this.#clock.now();
      let nextMs = Infinity;
      for (const call of this.#open()) {
        if (call.endsAtMs <= nowMs) this.#giveUp(call, "deadline");
        else nextMs = Math.min(nextMs, call.endsAtMs);
      }
      if (nextMs !== Infinity && this.#end === null) this.#sweepAt(nextMs);
    });
    this.#sweep = { atMs, cancel };
  }

  #open(): StreamedCall[] {
    return [...this.#inFlight.values(), ...this.#homeless, ...this.#waiting].filter(
      (call) => !call.isSettled,
    );
  }

  #endAll(end: (call: StreamedCall) => void): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#link?.close();
    this.#link = null;
    this.#cancelWatchdog?.();
    this.#sweep?.cancel();
    for (const call of this.#open()) {
      if (this.#inFlight.has(call.id)) call.mayHappen = true;
      end(call);
    }
    this.#inFlight.clear();
    this.#isReady();
    this.#port.caller.done(this.#scope);
    this.#scope.end("closed");
  }

  #isReady(): void {
    this.#whenReady?.resolve();
    this.#whenReady = null;
  }
}

function judgeEnd(reason: unknown): Failed {
  const verdict = judgeError(reason);
  // There is nothing in a stream as such that could be refused.
  return verdict.type === "failed" ? verdict : failed(ConnectError.from(reason), "possible");
}

/** What browsers' transports say, what servers say to HTTP/1.1, and what those say that have no such method. */
function isUnsupported(reason: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(reason);
  if (code === Code.Unimplemented) return true;
  return code === Code.Unknown && /streaming request bodies|HTTP 505/.test(rawMessage);
}

function unsupported(cause: unknown): (report: KvCallReport) => KvUnsupportedError {
  return (report) =>
    new KvUnsupportedError(
      "the transport, or the server, has no streams in both directions, as over HTTP/1.1 and in browsers: call the client's own methods",
      report,
      { cause },
    );
}

function tooMany(count: number): (report: KvCallReport) => KvBusyError {
  return (report) => new KvBusyError(`${count} calls wait to be sent: await ready() before the next`, report);
}

function byAge(a: StreamedCall, b: StreamedCall): number {
  return a.id < b.id ? -1 : 1;
}

/** Keys and values; the rest is small. */
function sizeOf(part: unknown): number {
  if (part instanceof Uint8Array) return part.length;
  if (typeof part !== "object" || part === null) return 0;
  let bytes = 0;
  for (const inner of Object.values(part)) bytes += sizeOf(inner);
  return bytes;
}
