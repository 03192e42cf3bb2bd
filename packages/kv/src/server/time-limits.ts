import type { Clock } from "@eraft/core";
import { type Waiting, WaitingList } from "./waiting-list.ts";

/** The part of an `AbortSignal` that a call has for those who work on it; Connect's is one. */
export interface CallSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Whose time is limited, and by what besides the limit that all have in common. */
export interface Limited {
  readonly signal: CallSignal;
  timeoutMs(): number | undefined;
}

/** Ends the waits of calls, most of which are to take equally long: with one timer for all of these. */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #limitMs: number;
  /** Those with the common limit, in the order in which their time is up. */
  readonly #waits = new WaitingList();
  #cancelTimer: (() => void) | null = null;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /**
   * Settles as what `run` returns does; resolves with null when the time is up or the caller has gone. Then the signal of `run` is aborted: nobody waits
   * any longer, but what was begun goes its way.
   */
  run<T>(call: Limited, run: (signal: WaitSignal) => Promise<T>): Promise<T | null> {
    const timeoutMs = call.timeoutMs();
    // Its caller has given up while it waited for its turn here: nobody would hear what became of it.
    if ((timeoutMs !== undefined && timeoutMs <= 0) || call.signal.aborted) return Promise.resolve(null);
    const wait = new Wait<T>(call.signal, this.#leave);
    if (timeoutMs === undefined || timeoutMs >= this.#limitMs) this.#enter(wait);
    else wait.cancelTimer = this.#clock.after(timeoutMs, wait.stop);
    wait.begin(run);
    return wait.promise;
  }

  #enter(wait: Waiting): void {
    wait.dueMs = this.#clock.now() + this.#limitMs;
    this.#waits.add(wait);
    this.#cancelTimer ??= this.#clock.after(this.#limitMs, this.#look);
  }

  readonly #leave = (wait: Waiting): void => {
    this.#waits.delete(wait);
    if (this.#waits.first !== null) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  };

  readonly #look = (): void => {
    this.#cancelTimer = null;
    const nowMs = this.#clock.now();
    for (let wait = this.#waits.first; wait !== null; wait = this.#waits.first) {
      if (wait.dueMs > nowMs) {
        this.#cancelTimer = this.#clock.after(wait.dueMs - nowMs, this.#look);
        return;
      }
      wait.stop();
    }
  };
}

/** What the node sees of a wait. */
export interface WaitSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** One call that waits: its own signal, which an `AbortController` for each would make several times as dear. */
class Wait<T> implements WaitSignal, Waiting {
  readonly promise: Promise<T | null>;
  dueMs = 0;
  before: Waiting | null = null;
  after: Waiting | null = null;
  cancelTimer: (() => void) | null = null;
  readonly #caller: CallSignal;
  readonly #left: (wait: Waiting) => void;
  readonly #resolve: (result: T | null) => void;
  readonly #reject: (reason: unknown) => void;
  #listeners: (() => void)[] = [];
  #isOver = false;
  #aborted = false;

  constructor(caller: CallSignal, left: (wait: Waiting) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<T | null>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#caller = caller;
    this.#left = left;
  }

  begin(run: (signal: WaitSignal) => Promise<T>): void {
    this.#caller.addEventListener("abort", this.stop);
    void run(this).then(this.#done, this.#failed);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#aborted ? new Error("nobody waits for this any more") : undefined;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.reason;
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (!this.#isOver) this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at !== -1) this.#listeners.splice(at, 1);
  }

  readonly stop = (): void => {
    if (this.#isOver) return;
    this.#aborted = true;
    this.#leave();
    this.#resolve(null);
    for (const listener of this.#listeners.splice(0)) listener();
  };

  readonly #done = (result: T): void => {
    this.#leave();
    this.#resolve(result);
  };

  readonly #failed = (reason: unknown): void => {
    this.#leave();
    this.#reject(reason);
  };

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#left(this);
    this.cancelTimer?.();
    this.#caller.removeEventListener("abort", this.stop);
  }
}
