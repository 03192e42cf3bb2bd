import type { RequestId } from "@eraft/core";
import type { Backlog } from "./backlog.ts";
import { type Effect, OutcomeUnknownError } from "./errors.ts";
import type { AbortSignalLike } from "./request-options.ts";

/** What a caller wants. */
export interface Wish {
  /** What may have been done once it was handed to the core and until its outcome is known; null if it can be repeated at will. */
  readonly effect: Effect | null;
  /** Bytes that wait with it. */
  readonly sizeBytes?: number;
  /** It waits for a majority like all others, and counts among those that wait. */
  readonly isQueued?: boolean;
  /** What to do when the state is new enough for a read. */
  readonly onReadable?: (id: RequestId) => void;
}

interface Request {
  readonly wish: Wish;
  /**
   * Null once it was settled. A `Map` that requests enter and leave copies itself every few hundred of them: what it had before is old garbage that still names those which were
   * there then, and so they grow old, too, with all that they lead to. That is nothing any more.
   */
  promise: PromiseWithResolvers<unknown> | null;
  /** Null if there is no signal to listen to, or nothing to wait for. */
  detach: (() => void) | null;
  /** From here on it may be in the log. */
  isStepped: boolean;
  /** Its entry is on its way through the state machine. */
  isCommitted: boolean;
}

/** The callers that wait. Each one is answered exactly once; what comes for a request that was answered already is ignored. */
export class Requests {
  readonly #backlog: Backlog;
  readonly #open = new Map<RequestId, Request>();
  #lastId = 0;
  #bytes = 0;

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  has(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** Notes that it is about to be handed to the core. False if its caller has been answered already: then it must not be. */
  step(id: RequestId): boolean {
    const request = this.#open.get(id);
    if (request === undefined) return false;
    request.isStepped = true;
    return true;
  }

  /** @throws what `signal` was aborted with: then nothing has been done. */
  open(
    signal: AbortSignalLike | undefined,
    wish: Wish,
  ): { readonly id: RequestId; readonly promise: Promise<unknown> } {
    signal?.throwIfAborted();
    const id = (this.#lastId += 1);
    const promise = Promise.withResolvers<unknown>();
    const detach = signal === undefined ? null : this.#attach(id, signal);
    this.#open.set(id, { wish, promise, detach, isStepped: false, isCommitted: false });
    this.#bytes += wish.sizeBytes ?? 0;
    if (wish.isQueued === true) this.#backlog.enter(id);
    return { id, promise: promise.promise };
  }

  markCommitted(id: RequestId): void {
    const request = this.#open.get(id);
    if (request) request.isCommitted = true;
  }

  readable(id: RequestId): void {
    // How long the state machine takes to answer, only its own callers care.
    this.#backlog.served(id);
    this.#open.get(id)?.wish.onReadable?.(id);
  }

  resolve(id: RequestId, result: unknown): void {
    this.#backlog.served(id);
    this.#close(id)?.resolve(result);
  }

  reject(id: RequestId, error: unknown): void {
    this.#backlog.left(id);
    this.#close(id)?.reject(error);
  }

  /**
   * Answers everyone: with `error` where nothing was done, as unknown where a command may be in the log. Those whose entry is being
   * applied can be spared, since they are about to learn their result.
   */
  endAll(error: Error, options: { readonly spareCommitted: boolean }): void {
    for (const [id, request] of this.#open) {
      if (request.isCommitted && options.spareCommitted) continue;
      this.reject(id, unknownOr(error, request, "This node went away."));
    }
  }

  /** It was handed in, and nobody can say what became of it. */
  rejectUnknown(id: RequestId, why: string): void {
    const effect = this.#open.get(id)?.wish.effect ?? "command";
    this.reject(id, new OutcomeUnknownError(why, { effect }));
  }

  #attach(id: RequestId, signal: AbortSignalLike): () => void {
    const onAbort = (): void => this.#abort(id, signal.reason);
    signal.addEventListener("abort", onAbort);
    return () => signal.removeEventListener("abort", onAbort);
  }

  #abort(id: RequestId, reason: unknown): void {
    const request = this.#open.get(id);
    if (request === undefined) return;
    // A command that may be in the log is still work, whoever waits for it: its outcome ends that.
    if (request.wish.effect === null || !request.isStepped) this.#backlog.left(id);
    this.#close(id)?.reject(unknownOr(reason, request, "The wait was aborted."));
  }

  /** Gives what is still to be settled. */
  #close(id: RequestId): PromiseWithResolvers<unknown> | undefined {
    const request = this.#open.get(id);
    if (request === undefined) return undefined;
    this.#open.delete(id);
    this.#bytes -= request.wish.sizeBytes ?? 0;
    request.detach?.();
    const { promise } = request;
    request.promise = null;
    request.detach = null;
    return promise ?? undefined;
  }
}

/** `error`, where that is the whole truth: nothing was done. */
function unknownOr(error: unknown, { wish: { effect }, isStepped }: Request, why: string): unknown {
  return effect !== null && isStepped ? new OutcomeUnknownError(why, { cause: error, effect }) : error;
}
