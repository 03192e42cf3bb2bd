/** Calls end at most this much after their deadlines. */
const STEP_MS = 5;

/** What ends at a certain time, unless it is taken out before. */
export interface Expiring {
  expired(): void;
}

/** One timer for the deadlines of all calls: a timer for each would cost more than many a call. Times are those of `performance.now()`. */
export class Deadlines {
  /** By the number of the step in which they end. */
  readonly #steps = new Map<number, Set<Expiring>>();
  #timer: NodeJS.Timeout | null = null;
  #nextStep = Number.POSITIVE_INFINITY;

  add(item: Expiring, atMs: number): void {
    const step = Math.ceil(atMs / STEP_MS);
    const items = this.#steps.get(step);
    if (items !== undefined) {
      items.add(item);
      return;
    }
    this.#steps.set(step, new Set([item]));
    if (step < this.#nextStep) this.#wait(step);
  }

  /** `atMs` is as it was for `add`. */
  delete(item: Expiring, atMs: number): void {
    const step = Math.ceil(atMs / STEP_MS);
    const items = this.#steps.get(step);
    items?.delete(item);
    if (items?.size === 0) this.#steps.delete(step);
  }

  #wait(step: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#nextStep = step;
    // A later one is looked for again when this time comes: deadlines may be years away.
    const waitMs = Math.min(step * STEP_MS - performance.now(), MAX_WAIT_MS);
    this.#timer = setTimeout(this.#look, Math.max(1, Math.ceil(waitMs))).unref();
  }

  readonly #look = (): void => {
    const nowMs = performance.now();
    this.#timer = null;
    this.#nextStep = Number.POSITIVE_INFINITY;
    for (const [step, items] of this.#steps) {
      if (step * STEP_MS > nowMs) continue;
      this.#steps.delete(step);
      for (const item of items) item.expired();
    }
    let next = Number.POSITIVE_INFINITY;
    for (const step of this.#steps.keys()) next = Math.min(next, step);
    if (next < this.#nextStep) this.#wait(next);
  };
}

const MAX_WAIT_MS = 1000;
