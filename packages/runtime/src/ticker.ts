import type { Clock } from "@eraft/core";

/**
 * Calls `onTick` every `tickMs`. After a stall of the event loop all that was missed counts as one tick: a server that was not
 * running has not seen its leader be silent.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #onTick: () => void;
  #dueMs = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, tickMs: number, onTick: () => void) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#onTick = onTick;
  }

  start(): void {
    this.#dueMs = this.#clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    this.#dueMs += this.#tickMs;
    // A busy machine may put this thread to sleep anywhere, also between two questions for the time. Of a negative number Node warns on stderr.
    const leftMs = Math.max(0, this.#dueMs - this.#clock.now());
    this.#cancel = this.#clock.after(leftMs, () => this.#onTimer());
  }

  #onTimer(): void {
    const lateMs = this.#clock.now() - this.#dueMs;
    if (lateMs < this.#tickMs) {
      this.#tick();
      return;
    }
    // The host serves timers before sockets. One more turn of its event loop, and what arrived meanwhile is in the inbox.
    this.#cancel = this.#clock.after(0, () => {
      this.#dueMs = this.#clock.now();
      this.#tick();
    });
  }

  #tick(): void {
    this.#schedule();
    this.#onTick();
  }
}
