import type { InFlight } from "./in-flight.ts";

interface Place {
  readonly sizeBytes: number;
  readonly sinceMs: number;
}

/**
 * The requests of one stream that are not answered yet, in the order of their sending, each with a place in the window of its peer.
 *
 * An answer releases its request and all before it: on a stream nothing overtakes, so they have arrived, and whether the core answers each of
 * them is its own affair. One that got no answer, nor any after it, makes way when it is old and its place is needed.
 */
export class UnderWay {
  readonly #window: InFlight;
  readonly #maxAgeMs: number;
  readonly #places = new Map<number, Place>();

  constructor(window: InFlight, maxAgeMs: number) {
    this.#window = window;
    this.#maxAgeMs = maxAgeMs;
  }

  get size(): number {
    return this.#places.size;
  }

  /** Takes a place for a request; false when there is none. Only entries have a size. */
  enter(sequence: number, sizeBytes: number, nowMs: number): boolean {
    this.#release(sequence);
    if (!this.#window.enter(sizeBytes)) {
      this.#forget(nowMs - this.#maxAgeMs);
      if (!this.#window.enter(sizeBytes)) return false;
    }
    this.#places.set(sequence, { sizeBytes, sinceMs: nowMs });
    return true;
  }

  answered(sequence: number): void {
    if (!this.#places.has(sequence)) return;
    for (const earlier of this.#places.keys()) {
      this.#release(earlier);
      if (earlier === sequence) return;
    }
  }

  clear(): void {
    for (const sequence of this.#places.keys()) this.#release(sequence);
  }

  #forget(untilMs: number): void {
    for (const [sequence, { sinceMs }] of this.#places) {
      if (sinceMs > untilMs) return;
      this.#release(sequence);
    }
  }

  #release(sequence: number): void {
    const place = this.#places.get(sequence);
    if (place === undefined) return;
    this.#places.delete(sequence);
    this.#window.leave(place.sizeBytes);
  }
}
