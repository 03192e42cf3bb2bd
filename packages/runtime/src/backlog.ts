import type { Clock, RequestId } from "@eraft/core";
import { Arrivals } from "./arrivals.ts";

/** Nobody is refused for the sake of fewer than these. What so few wait for is a disk or a network, and not each other. */
const MIN_WAITING = 32;

/** How finely "recently" is measured. */
const SLICES = 8;

/**
 * What waits for a majority and for the state machine, and for how long. Who would wait too long is better refused at once:
 *
 * 1. Clients ask for three times as much as the servers can do, and give up after half a second.
 * 2. The queue grows until whoever comes to its front has just given up. All that is done is done for nobody, and everybody tries again.
 * 3. Now there is four times as much to do, and that goes on after the first clients have long gone: nobody is served any more, by servers that are
 *    busy to the brim.
 *
 * So the time is bounded, not the number: a newcomer waits about as long as it took to serve as many as are waiting now. Commands in the log count also
 * when their callers have given up, for they are work all the same.
 */
export class Backlog {
  readonly #clock: Clock;
  readonly #maxWaitMs: number;
  readonly #sliceMs: number;
  readonly #waiting = new Arrivals();
  /** How many were served in each slice of the last `maxWaitMs`. */
  readonly #served = Array.from({ length: SLICES }, () => 0);
  #slice = 0;

  constructor(clock: Clock, maxWaitMs: number) {
    this.#clock = clock;
    this.#maxWaitMs = maxWaitMs;
    this.#sliceMs = maxWaitMs / SLICES;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether one more would wait too long. */
  get isTooLong(): boolean {
    const { size } = this.#waiting;
    if (size < MIN_WAITING) return false;
    const waitedMs = this.#waitedMs();
    if (waitedMs > this.#maxWaitMs) return true;
    // A burst that came just now says nothing of how fast it will be served; what has been waiting for a while does.
    return waitedMs > this.#maxWaitMs / 2 && size > this.#servedRecently();
  }

  /** `id` is higher than all before it. */
  enter(id: RequestId): void {
    this.#waiting.enter(id, this.#clock.now());
  }

  /** It has what it waited for. */
  served(id: RequestId): void {
    if (!this.#waiting.leave(id)) return;
    this.#roll();
    this.#served[this.#slice % SLICES] = (this.#served[this.#slice % SLICES] ?? 0) + 1;
  }

  /** It waits no longer, and was not served. */
  left(id: RequestId): void {
    this.#waiting.leave(id);
  }

  /** For how long the oldest has been waiting. */
  #waitedMs(): number {
    const { oldest } = this.#waiting;
    return oldest === null ? 0 : this.#clock.now() - oldest;
  }

  /** Within the last `maxWaitMs`, to a slice. */
  #servedRecently(): number {
    this.#roll();
    return this.#served.reduce((sum, count) => sum + count, 0);
  }

  #roll(): void {
    const slice = Math.floor(this.#clock.now() / this.#sliceMs);
    const passed = Math.min(slice - this.#slice, SLICES);
    for (let n = 1; n <= passed; n += 1) this.#served[(this.#slice + n) % SLICES] = 0;
    if (passed === SLICES) this.#served.fill(0);
    this.#slice = slice;
  }
}
