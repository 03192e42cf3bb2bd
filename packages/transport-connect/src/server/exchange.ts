import type { Request, Response } from "@eraft/core";
import type { CallSignal } from "../direct/unary.ts";

/** Answers that an open exchange may end with; a refusal becomes an error before it gets here. */
export type Answer = Exclude<Response, { type: "refusal" }>;

/**
 * A request that the core has and that somebody waits for. It outlives its callers: one that gives up at its deadline leaves, the request
 * stays with the core, and a caller that sends the same again can join.
 */
export class Exchange {
  readonly request: Request;
  readonly sizeBytes: number;
  readonly openedAtMs: number;
  readonly #callers = new Set<Caller>();
  #settled = false;

  constructor(request: Request, sizeBytes: number, openedAtMs: number) {
    this.request = request;
    this.sizeBytes = sizeBytes;
    this.openedAtMs = openedAtMs;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Resolves with the core's answer. Rejects when the exchange fails, or with the reason of `signal` when the caller leaves first. */
  wait(signal: CallSignal): Promise<Answer> {
    const caller = new Caller(signal, this.#callers);
    return caller.promise;
  }

  answer(answer: Answer): void {
    this.#settled = true;
    for (const caller of this.#callers) caller.resolve(answer);
  }

  fail(error: Error): void {
    this.#settled = true;
    for (const caller of this.#callers) caller.reject(error);
  }
}

/** One call held open. */
class Caller {
  readonly promise: Promise<Answer>;
  readonly #signal: CallSignal;
  readonly #callers: Set<Caller>;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;

  constructor(signal: CallSignal, callers: Set<Caller>) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#callers = callers;
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    callers.add(this);
    signal.addEventListener("abort", this.#left);
  }

  resolve(answer: Answer): void {
    this.#leave();
    this.#resolve(answer);
  }

  reject(error: unknown): void {
    this.#leave();
    this.#reject(error);
  }

  readonly #left = (): void => this.reject(this.#signal.reason);

  #leave(): void {
    this.#callers.delete(this);
    this.#signal.removeEventListener("abort", this.#left);
  }
}
