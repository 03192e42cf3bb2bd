import type { Clock } from "@eraft/core";
import { systemClock } from "@eraft/runtime";

/** How often to look whether a call that is under way has ended. */
const LOOK_MS = 5;

/** Counts the calls of clients that are under way. */
export class OpenCalls {
  readonly #clock: Clock;
  #count = 0;
  #lastBeganMs = -Infinity;
  #onNone: (() => void)[] = [];

  /** @param clock time; for tests */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Returns `call`, which counts until it settles. */
  track<T>(call: Promise<T>): Promise<T> {
    this.#count += 1;
    this.#lastBeganMs = this.#clock.now();
    void call.then(this.#settled, this.#settled);
    return call;
  }

  /** Resolves as soon as there is none. */
  async none(): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone.push(resolve);
    await promise;
  }

  /** Resolves once none is under way and none has begun for `quietMs`, but after `limitMs` in any case. */
  async quiet(quietMs: number, limitMs: number): Promise<void> {
    const beganMs = this.#clock.now();
    const limitAtMs = beganMs + limitMs;
    for (;;) {
      const nowMs = this.#clock.now();
      const quietAtMs = Math.max(this.#lastBeganMs, beganMs) + quietMs;
      if (nowMs >= limitAtMs || (nowMs >= quietAtMs && this.#count === 0)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#clock.after(Math.min(limitAtMs, Math.max(quietAtMs, nowMs + LOOK_MS)) - nowMs, resolve);
      await promise;
    }
  }

  readonly #settled = (): void => {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#onNone.splice(0)) resolve();
  };
}
