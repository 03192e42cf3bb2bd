import type { Clock } from "@eraft/core";

interface Timer {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Time goes by as usual: every timer fires when it is due. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#fire(next);
    }
    this.#nowMs = untilMs;
  }

  /** Time that something takes which lets nothing else happen: what becomes due fires later. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  /** The process stalls: time is over at once, and only then what has become due fires, once. */
  stall(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers.filter(({ dueMs }) => dueMs <= this.#nowMs)) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    timer.fn();
  }
}

/** Lets everything happen that happens without time: promises, and messages on their way. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await new Promise(setImmediate);
}

/** Lets time pass in small steps until `condition` holds. */
export async function until(clock: ManualClock, condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 25) {
    await settle();
    if (condition()) return;
    clock.advance(25);
  }
  throw new Error(`A minute of virtual time was not enough: ${what}`);
}
