import type { RequestId } from "@eraft/core";
import { OutcomeUnknownError } from "./errors.ts";

/** The part of an `AbortSignal` that is used here, so that no host's types are needed. */
export interface AbortSignalLike {
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

interface Request {
  /** What to do when the state is new enough for a read; null for a proposal. */
  readonly onReadable: ((id: RequestId) => void) | null;
  readonly promise: PromiseWithResolvers<unknown>;
  readonly detach: () => void;
  /** From here on a proposal may be in the log. */
  isStepped: boolean;
  /** Its entry is on its way through the state machine. */
  isCommitted: boolean;
}

/** The callers that wait. Each one is answered exactly once; what comes for a request that was answered already is ignored. */
export class Requests {
  readonly #open = new Map<RequestId, Request>();
  #lastId = 0;

  get size(): number {
    return this.#open.size;
  }

  has(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** @throws what `signal` was aborted with: then nothing has been done. */
  open(
    signal: AbortSignalLike | undefined,
    onReadable: ((id: RequestId) => void) | null,
  ): { readonly id: RequestId; readonly promise: Promise<unknown> } {
    signal?.throwIfAborted();
    const id = (this.#lastId += 1);
    const promise = Promise.withResolvers<unknown>();
    const onAbort = (): void => this.#abort(id, signal?.reason);
    signal?.addEventListener("abort", onAbort);
    const detach = (): void => signal?.removeEventListener("abort", onAbort);
    this.#open.set(id, { onReadable, promise, detach, isStepped: false, isCommitted: false });
    return { id, promise: promise.promise };
  }

  markStepped(id: RequestId): void {
    const request = this.#open.get(id);
    if (request) request.isStepped = true;
  }

  markCommitted(id: RequestId): void {
    const request = this.#open.get(id);
    if (request) request.isCommitted = true;
  }

  readable(id: RequestId): void {
    this.#open.get(id)?.onReadable?.(id);
  }

  resolve(id: RequestId, result: unknown): void {
    this.#close(id)?.promise.resolve(result);
  }

  reject(id: RequestId, error: unknown): void {
    this.#close(id)?.promise.reject(error);
  }

  /**
   * Answers everyone: with `error` where nothing was done, as unknown where a command may be in the log. Those whose entry is being
   * applied can be spared, since they are about to learn their result.
   */
  endAll(error: Error, options: { readonly spareCommitted: boolean }): void {
    for (const [id, request] of this.#open) {
      if (request.isCommitted && options.spareCommitted) continue;
      this.reject(
        id,
        mayBeDone(request) ? new OutcomeUnknownError("This node went away.", { cause: error }) : error,
      );
    }
  }

  #abort(id: RequestId, reason: unknown): void {
    const request = this.#open.get(id);
    if (request === undefined) return;
    const unknown = new OutcomeUnknownError("The wait was aborted.", { cause: reason });
    this.reject(id, mayBeDone(request) ? unknown : reason);
  }

  #close(id: RequestId): Request | undefined {
    const request = this.#open.get(id);
    this.#open.delete(id);
    request?.detach();
    return request;
  }
}

function mayBeDone(request: Request): boolean {
  return request.onReadable === null && request.isStepped;
}
