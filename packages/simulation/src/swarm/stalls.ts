import type { NodeId } from "@eraft/core";

interface Stall {
  until: number;
  /** What came in meanwhile, in order. */
  readonly waiting: (() => void)[];
  /** Timers that would have gone off meanwhile. */
  readonly timers: (() => void)[];
}

/** Processes that stand still for a while. What comes in meanwhile is taken when they go on, and before their late timers: so does the runtime. */
export class Stalls {
  readonly #now: () => number;
  readonly #later: (ms: number, what: () => void) => void;
  readonly #stalls = new Map<NodeId, Stall>();

  constructor(now: () => number, later: (ms: number, what: () => void) => void) {
    this.#now = now;
    this.#later = later;
  }

  /** From now on, for `ms` at least. */
  begin(node: NodeId, ms: number): void {
    const until = this.#now() + ms;
    const stall = this.#stalls.get(node);
    if (stall !== undefined) {
      stall.until = Math.max(stall.until, until);
      return;
    }
    this.#stalls.set(node, { until, waiting: [], timers: [] });
    this.#later(ms, () => this.#wake(node));
  }

  /** True if `node` stands still: then `what` happens when it goes on. */
  postpones(node: NodeId, what: () => void, isTimer = false): boolean {
    const stall = this.#stalls.get(node);
    if (stall === undefined) return false;
    (isTimer ? stall.timers : stall.waiting).push(what);
    return true;
  }

  /** It goes on, or is gone. */
  end(node: NodeId): void {
    const stall = this.#stalls.get(node);
    if (stall === undefined) return;
    stall.until = this.#now();
    this.#wake(node);
  }

  endAll(): void {
    for (const node of this.#stalls.keys()) this.end(node);
  }

  #wake(node: NodeId): void {
    const stall = this.#stalls.get(node);
    if (stall === undefined) return;
    const ms = stall.until - this.#now();
    if (ms > 0) {
      this.#later(ms, () => this.#wake(node));
      return;
    }
    this.#stalls.delete(node);
    for (const what of [...stall.waiting, ...stall.timers]) what();
  }
}
