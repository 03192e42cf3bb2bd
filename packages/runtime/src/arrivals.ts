import type { RequestId } from "@eraft/core";

/** Below this nothing is to be gained by forgetting those that have left. */
const MIN_FORGOTTEN = 1024;

/**
 * Since when each of those waits that wait, by numbers that only grow. Most leave in the order in which they came, so a list with gaps is enough, and costs
 * nothing to look into. A `Map` does: it keeps a place for everybody who has left until it grows again, and whoever asks it for the first one passes them all.
 */
export class Arrivals {
  /** NaN for those that have left, and for numbers that never came. */
  #since: number[] = [];
  /** The number of the first in the list. */
  #base: RequestId = 0;
  /** The place of the first who waits; the end of the list if nobody does. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `id` is higher than all before it. */
  enter(id: RequestId, nowMs: number): void {
    if (this.#size === 0) this.#restart(id);
    while (this.#base + this.#since.length < id) this.#since.push(Number.NaN);
    this.#since.push(nowMs);
    this.#size += 1;
  }

  /** False if it did not wait. */
  leave(id: RequestId): boolean {
    const at = id - this.#base;
    // Also of a number below or above those that are there.
    if (Number.isNaN(this.#since[at] ?? Number.NaN)) return false;
    this.#since[at] = Number.NaN;
    this.#size -= 1;
    while (this.#head < this.#since.length && Number.isNaN(this.#since[this.#head])) this.#head += 1;
    if (this.#head >= MIN_FORGOTTEN && 2 * this.#head >= this.#since.length) this.#forget();
    return true;
  }

  /** Since when the one has waited that came first; null if nobody waits. */
  get oldest(): number | null {
    return this.#since[this.#head] ?? null;
  }

  #forget(): void {
    this.#since = this.#since.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }

  #restart(base: RequestId): void {
    this.#since = [];
    this.#base = base;
    this.#head = 0;
  }
}
