import type { Clock, NodeId } from "@eraft/core";
import type { Cancel, Timeline } from "./timeline.ts";

/** I/O that came during a pause is served this much after the timers that became due. */
const TIMERS_FIRST_MS = 0.01;

/** The shortest timer of real hosts. */
const MIN_TIMER_MS = 1;

/**
 * One life of a server's process, from its start to its crash or its orderly end.
 *
 * A crashed process cannot be taken out of memory: its promises are still referred to, and what they run is ordinary code. So everything that
 * it could act on, its timers, storage, transport and state machine, asks whether it is over and then does nothing, for ever.
 */
export class Life {
  readonly server: NodeId;
  /** Counts the lives of this server, from 1. */
  readonly number: number;
  readonly clock: Clock;
  readonly #timeline: Timeline;
  readonly #crash: () => void;
  readonly #misused: (what: string) => void;
  readonly #onEnd: (() => void)[] = [];
  #isOver = false;
  /** The node has let go of everything in good order: it may not use its ports any more. */
  isReleased = false;
  /** A write or a commit of a snapshot has been rejected. From now on it must not acknowledge anything. */
  hasFailedStorage = false;
  /** Proposals and reads that the node has not answered. */
  openCalls = 0;
  #pausedUntil = 0;
  #rate: number;
  #anchor: { readonly global: number; readonly local: number };

  constructor(parts: {
    readonly server: NodeId;
    readonly number: number;
    readonly timeline: Timeline;
    readonly rate: number;
    readonly crash: () => void;
    readonly misused: (what: string) => void;
  }) {
    this.server = parts.server;
    this.number = parts.number;
    this.#timeline = parts.timeline;
    this.#crash = parts.crash;
    this.#misused = parts.misused;
    this.#rate = parts.rate;
    // Monotonic clocks begin anywhere, and again with each boot.
    this.#anchor = { global: parts.timeline.now, local: parts.number * 1000 };
    this.clock = { now: () => this.#localNow(), after: (ms, fn) => this.#timer(ms, fn) };
  }

  /** True from the crash or the orderly end on. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isPaused(): boolean {
    return this.#pausedUntil > this.#timeline.now;
  }

  /** Calls `listener` when this life is over, whichever way. */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const listener of this.#onEnd) listener();
  }

  /** Loses power, here and now: also in the middle of what this process is doing. */
  crash(): void {
    this.#crash();
  }

  /** The process does not run for `ms`. What would have happened to it meanwhile happens all at once afterwards. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#timeline.now + ms);
  }

  resume(): void {
    this.#pausedUntil = 0;
  }

  /** From now on its clock runs as fast as all others. */
  steadyClock(): void {
    this.#anchor = { global: this.#timeline.now, local: this.#localNow() };
    this.#rate = 1;
  }

  /** Runs `happen` in this process: now, after a pause, or never. */
  enter(kind: "timer" | "io", happen: () => void): void {
    if (this.#isOver) return;
    const waitMs = this.#pausedUntil - this.#timeline.now;
    if (waitMs <= 0) {
      happen();
      return;
    }
    // A host that wakes up serves its timers before its sockets, and these in the order in which something came: planned for a time, and not after a difference
    // of times, which is rounded. Pieces of one stream would otherwise pass each other by a hair.
    const at = kind === "timer" ? this.#pausedUntil : this.#pausedUntil + TIMERS_FIRST_MS;
    this.#timeline.at(at, "after pause", () => this.enter(kind, happen));
  }

  #localNow(): number {
    return this.#anchor.local + (this.#timeline.now - this.#anchor.global) * this.#rate;
  }

  #timer(ms: number, fn: () => void): Cancel {
    let isCancelled = false;
    if (this.isReleased) this.#misused("sets a timer");
    const fire = (): void => {
      if (!isCancelled) fn();
    };
    const afterMs = Math.max(ms, MIN_TIMER_MS) / this.#rate;
    const cancel = this.#timeline.after(afterMs, "timer", () => {
      // After an orderly end the process lives on, and a timer that was left in it goes off.
      if (this.isReleased) fire();
      else this.enter("timer", fire);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }
}
