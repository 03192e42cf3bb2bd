import { BusyError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { AbortSignalLike } from "./request-options.ts";

/** A wait for something that happens by itself. */
export interface Wait {
  readonly promise: Promise<void>;
  /** It has ended, one way or the other. */
  readonly isOver: () => boolean;
  readonly fail: (error: unknown) => void;
}

interface Waiting {
  readonly isDone: () => boolean;
  readonly end: (error: unknown) => void;
  readonly resolve: () => void;
}

/** Callers that wait until the node has come to something. They look when it has moved on, and no timer does. */
export class Waits {
  readonly #waiting = new Set<Waiting>();
  readonly #max: number;
  #over: Error | null = null;

  constructor(events: Events, max: number) {
    this.#max = max;
    const look = (): void => this.look();
    for (const name of ["leader", "commit", "snapshot"] as const) events.on(name, look);
  }

  /**
   * Until `isDone`, or the node ends, or the caller's time does.
   *
   * @throws what `limit` was aborted with, before and at any time; BusyError if too many wait
   */
  begin(isDone: () => boolean, limit: AbortSignalLike | undefined): Wait {
    limit?.throwIfAborted();
    if (this.#over !== null) throw this.#over;
    if (this.#waiting.size >= this.#max) throw new BusyError();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => waiting.end(limit?.reason);
    const leave = (): boolean => {
      limit?.removeEventListener("abort", onAbort);
      return this.#waiting.delete(waiting);
    };
    const waiting: Waiting = {
      isDone,
      resolve: () => leave() && resolve(),
      end: (error) => leave() && reject(error),
    };
    this.#waiting.add(waiting);
    limit?.addEventListener("abort", onAbort);
    if (isDone()) waiting.resolve();
    return { promise, isOver: () => !this.#waiting.has(waiting), fail: waiting.end };
  }

  /** Something has changed. */
  look(): void {
    for (const waiting of this.#waiting) if (waiting.isDone()) waiting.resolve();
  }

  /** Nothing changes any more. */
  end(error: Error): void {
    this.#over ??= error;
    for (const waiting of this.#waiting) waiting.end(error);
  }
}
