import {
  KvAbortedError,
  type KvCallError,
  type KvCallReport,
  KvClosedError,
  KvRefusedError,
  KvSessionExpiredError,
  KvTimeoutError,
} from "../errors.ts";
import type { KvMethod } from "./methods.ts";
import type { Verdict } from "./verdict.ts";
import type { WriteSession } from "./write-sessions.ts";

/** One call that goes over a stream, or over several one after the other until there is an answer. */
export class StreamedCall {
  readonly id: bigint;
  readonly method: KvMethod<object, unknown>;
  readonly request: object;
  readonly deadlineMs: number;
  /** By the client's clock. */
  readonly endsAtMs: number;
  readonly answer: Promise<unknown>;
  /** Of a write that has been given its number: no other attempt has another one. */
  serial: { readonly session: WriteSession; readonly sequence: number } | null = null;
  sends = 0;
  /** Whether it was sent and has no answer, so that it may be done, or have been done. */
  mayHappen = false;
  isSettled = false;
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (error: Error) => void;
  #signal: AbortSignal | null = null;
  #onAbort: () => void = () => {};

  constructor(
    id: bigint,
    method: KvMethod<object, unknown>,
    request: object,
    time: { readonly deadlineMs: number; readonly nowMs: number },
  ) {
    this.id = id;
    this.method = method;
    this.request = request;
    this.deadlineMs = time.deadlineMs;
    this.endsAtMs = time.nowMs + time.deadlineMs;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Rejects when the caller's signal is aborted; `given up` is told then. */
  heed(signal: AbortSignal, givenUp: () => void): void {
    this.#signal = signal;
    this.#onAbort = givenUp;
    signal.addEventListener("abort", givenUp, { once: true });
    if (signal.aborted) givenUp();
  }

  /** The message, with what has been answered meanwhile. */
  message(): { readonly callId: bigint; readonly call: object } {
    const { serial, request, method } = this;
    const value = serial === null ? request : { ...request, serial: serial.session.serial(serial.sequence) };
    return { callId: this.id, call: { case: method.name, value } };
  }

  resolve(answer: unknown): void {
    this.#settle();
    this.#resolve(answer);
  }

  refuse(
    { reason, final, error: cause }: Extract<Verdict<never>, { type: "refused" }>,
    lastErrors: KvCallReport["lastErrors"],
  ): void {
    // The state machine's own refusal answers every attempt of this command; a server's refusal says nothing of earlier ones.
    if (final) this.mayHappen = false;
    const report = this.#report(lastErrors);
    const what = `the server refused ${this.method.name}`;
    this.#fail(
      reason === "sessionExpired"
        ? new KvSessionExpiredError("the servers do not know the session any more", report, { cause })
        : new KvRefusedError(what, report, { reason, cause }),
    );
  }

  end(why: "deadline" | "aborted" | "closed", lastErrors: KvCallReport["lastErrors"]): void {
    const { name } = this.method;
    const report = this.#report(lastErrors);
    switch (why) {
      case "deadline":
        this.#fail(new KvTimeoutError(`${name} had no answer within ${this.deadlineMs} ms`, report));
        break;
      case "aborted":
        this.#fail(
          new KvAbortedError(`${name} was aborted by its caller`, report, { cause: this.#signal?.reason }),
        );
        break;
      case "closed":
        this.#fail(new KvClosedError(`${name} was ended, as its stream was closed`, report));
    }
  }

  /** There will be no answer, for a reason that the error makes of what became of this call. */
  fail(make: (report: KvCallReport) => KvCallError, lastErrors: KvCallReport["lastErrors"]): void {
    this.#fail(make(this.#report(lastErrors)));
  }

  #fail(error: KvCallError): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.isSettled = true;
    this.serial?.session.end(this.serial.sequence);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #report(lastErrors: KvCallReport["lastErrors"]): KvCallReport {
    const outcome = this.method.isWrite && this.mayHappen ? "unknown" : "not-done";
    return { outcome, attempts: this.sends, lastErrors: new Map(lastErrors) };
  }
}
