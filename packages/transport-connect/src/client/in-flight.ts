/** How much may be under way to one peer. */
export interface InFlightLimits {
  readonly maxInFlight: number;
  readonly reservedInFlight: number;
  readonly maxInFlightBytes: number;
}

/**
 * Counts what is under way to one peer, so that a slow peer costs bounded memory.
 *
 * Messages without entries, votes and heartbeats, pass `sizeBytes` 0. They ignore the bound on bytes, and the last places are theirs
 * alone: otherwise a leader whose big appends fill the window to a slow follower would stop its own heartbeats, and be voted out by
 * the very follower that it is busy feeding.
 */
export class InFlight {
  readonly #limits: InFlightLimits;
  #calls = 0;
  #bulkCalls = 0;
  #bytes = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Takes a place; false when there is none. */
  enter(sizeBytes: number): boolean {
    const { maxInFlight, reservedInFlight, maxInFlightBytes } = this.#limits;
    if (this.#calls >= maxInFlight) return false;
    if (sizeBytes > 0) {
      if (this.#bulkCalls >= maxInFlight - reservedInFlight) return false;
      if (this.#bulkCalls > 0 && this.#bytes + sizeBytes > maxInFlightBytes) return false;
      this.#bulkCalls += 1;
      this.#bytes += sizeBytes;
    }
    this.#calls += 1;
    return true;
  }

  /** Gives back a place taken with the same `sizeBytes`. */
  leave(sizeBytes: number): void {
    this.#calls -= 1;
    if (sizeBytes === 0) return;
    this.#bulkCalls -= 1;
    this.#bytes -= sizeBytes;
  }
}
