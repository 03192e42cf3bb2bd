import type { Clock } from "@eraft/core";

/** Whoever has waited for so long shows that more come than go. */
const LONG_WAIT_MS = 100;

/** After one attempt alone was refused. Doubles as long as that goes on. */
const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 500;

/** What an attempt says of the servers: they did it, they have too much to do, or nothing of either. */
export type AttemptEnd = "served" | "busy" | "other";

interface Waiter {
  readonly sinceMs: number;
  readonly go: () => void;
}

/**
 * How many attempts of a client are under way at a time, as many as the servers bear. That is found out as TCP does: refused as busy, half as many; and after
 * as many as are under way were served, one more. Where even one is too much, there is a pause. That each call pauses for itself is not enough: of a client
 * with a thousand callers, each of them comes back after its pause, and the servers are busy with refusing.
 *
 * Who waits here goes in the order of coming, as long as nobody waits long. After that the newest goes first: served in turn, all would wait until their time
 * is nearly up, and then be served in vain.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #line: Waiter[] = [];
  /** Infinite until a server is busy for the first time. */
  #window = Number.POSITIVE_INFINITY;
  #underWay = 0;
  /** Of the attempt that was begun last. */
  #number = 0;
  /** Attempts up to this one were begun before the window became narrower, and say nothing of how it is since. */
  #narrowedAt = 0;
  #pauseMs = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of the attempt that may begin now, to be given to `end`; null if `signal` was aborted before its turn came. */
  begin(signal: AbortSignal): Promise<number | null> {
    if (signal.aborted) return Promise.resolve(null);
    if (this.#line.length === 0 && this.#hasRoom) return Promise.resolve(this.#take());
    const { promise, resolve } = Promise.withResolvers<number | null>();
    const waiter: Waiter = {
      sinceMs: this.#clock.now(),
      go: () => {
        signal.removeEventListener("abort", leave);
        resolve(this.#take());
      },
    };
    const leave = (): void => {
      this.#line.splice(this.#line.indexOf(waiter), 1);
      if (this.#line.length === 0) this.#stopTimer();
      resolve(null);
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#line.push(waiter);
    this.#goOn();
    return promise;
  }

  end(attempt: number, end: AttemptEnd): void {
    if (end === "busy" && attempt > this.#narrowedAt) {
      if (this.#window === 1) this.#pause();
      this.#window = Math.max(1, Math.floor(Math.min(this.#window, this.#underWay) / 2));
      this.#narrowedAt = this.#number;
    }
    if (end === "served") {
      this.#pauseMs = 0;
      // A window that is not used up says nothing of a wider one.
      if (this.#underWay >= Math.floor(this.#window)) this.#window += 1 / this.#window;
    }
    this.#underWay -= 1;
    this.#goOn();
  }

  #pause(): void {
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs === 0 ? FIRST_PAUSE_MS : 2 * this.#pauseMs);
    this.#pausedUntilMs = this.#clock.now() + this.#pauseMs;
  }

  get #hasRoom(): boolean {
    return this.#underWay + 1 <= this.#window && this.#clock.now() >= this.#pausedUntilMs;
  }

  /** Lets those go whose turn it is. A timer runs only while somebody waits for the end of a pause. */
  #goOn(): void {
    this.#stopTimer();
    while (this.#line.length > 0 && this.#hasRoom) this.#following()?.go();
    const pausedMs = this.#pausedUntilMs - this.#clock.now();
    if (this.#line.length === 0 || pausedMs <= 0) return;
    this.#cancelTimer = this.#clock.after(pausedMs, () => this.#goOn());
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #take(): number {
    this.#underWay += 1;
    this.#number += 1;
    return this.#number;
  }

  /** Whose turn it is. */
  #following(): Waiter | undefined {
    const [oldest] = this.#line;
    const isLong = oldest !== undefined && this.#clock.now() - oldest.sinceMs > LONG_WAIT_MS;
    return isLong ? this.#line.pop() : this.#line.shift();
  }
}
