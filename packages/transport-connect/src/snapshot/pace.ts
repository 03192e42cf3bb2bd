import type { Clock } from "@eraft/core";

/** Spreads bytes over time. */
export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number | null;
  #freeAtMs: number;

  constructor(clock: Clock, bytesPerSecond: number | null) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#freeAtMs = clock.now();
  }

  /** Milliseconds until the next bytes may go out. */
  get waitMs(): number {
    return Math.max(0, this.#freeAtMs - this.#clock.now());
  }

  went(sizeBytes: number): void {
    if (this.#bytesPerSecond === null) return;
    const fromMs = Math.max(this.#freeAtMs, this.#clock.now());
    this.#freeAtMs = fromMs + (sizeBytes * 1000) / this.#bytesPerSecond;
  }
}
