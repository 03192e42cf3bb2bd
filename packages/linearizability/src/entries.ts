import type { Interval } from "./history.ts";

/**
 * The calls and returns of a history in the order of time, as a doubly linked list in typed arrays from which operations are
 * lifted when they are linearized, and put back in reverse order (the "dancing links" of Wing and Gong's search).
 *
 * Entry 0 is both ends of the ring; operation `i` has its call at entry `i + 1` and its return at entry `i + 1 + n`. At equal
 * times calls come before returns: the operations touch, so they count as concurrent.
 *
 * Unknown outcomes have no return and stand in a ring of their own, of calls only, closed by the last entry: they are candidates
 * after all others. By age they would come first for the rest of the history, and the search would begin each of its steps with
 * all orders of what got lost, most of which never happened; and the more of them it spends, the fewer it has left to explain
 * what comes later (see ConfigurationSet).
 */
export class EntryList {
  /** Operations. */
  readonly count: number;
  /** Operations with a known outcome that are still in the list. */
  pendingReturns = 0;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The returns alone, linked the same way by operation + 1: the first one bounds what may be linearized next. */
  readonly #nextReturn: Int32Array;
  readonly #previousReturn: Int32Array;
  /** 1, 2, ... by time of return; 0 for an unknown outcome. */
  readonly #returnRank: Int32Array;
  /** Where in time each entry stands. */
  readonly #rank: Int32Array;
  readonly #unknownRing: number;
  readonly #slot: Int32Array;
  /** How many operations with a known outcome are open at once at most. */
  readonly slots: number;
  /** How many operations have an unknown outcome. */
  readonly unknowns: number;

  constructor(intervals: readonly Interval<unknown, unknown>[]) {
    const n = intervals.length;
    this.count = n;
    this.#next = new Int32Array(2 * n + 2);
    this.#previous = new Int32Array(2 * n + 2);
    this.#nextReturn = new Int32Array(n + 1);
    this.#previousReturn = new Int32Array(n + 1);
    this.#returnRank = new Int32Array(n);
    this.#slot = new Int32Array(n);
    this.#rank = new Int32Array(2 * n + 1);
    this.#unknownRing = 2 * n + 1;
    this.unknowns = intervals.filter(({ reply }) => reply === null).length;
    this.slots = this.#build(intervals);
  }

  /** Gives the number of slots. */
  #build(intervals: readonly Interval<unknown, unknown>[]): number {
    const n = this.count;
    const freeSlots: number[] = [];
    let slots = 0;
    let unknowns = 0;
    this.#next[this.#unknownRing] = this.#unknownRing;
    this.#previous[this.#unknownRing] = this.#unknownRing;
    for (const [rank, entry] of entriesByTime(intervals).entries()) {
      this.#rank[entry] = rank;
      const operation = (entry - 1) % n;
      const unknown = intervals[operation]!.reply === null;
      append(this.#next, this.#previous, unknown ? this.#unknownRing : 0, entry);
      if (unknown) {
        this.#slot[operation] = unknowns++;
      } else if (entry <= n) {
        this.#slot[operation] = freeSlots.pop() ?? slots++;
      } else {
        freeSlots.push(this.#slot[operation]!);
        append(this.#nextReturn, this.#previousReturn, 0, operation + 1);
        this.#returnRank[operation] = ++this.pendingReturns;
      }
    }
    return slots;
  }

  /** The first operation that may be linearized next, -1 if there is none: one called before the first return that is left. */
  firstCandidate(): number {
    return this.#candidateAt(this.#next[0]!);
  }

  /** The next candidate after `operation`, -1 if there is none. */
  candidateAfter(operation: number): number {
    return this.#candidateAt(this.#next[operation + 1]!);
  }

  /** The operation that has to be linearized before any other may return, -1 if no return is left. */
  firstReturning(): number {
    return this.#nextReturn[0]! - 1;
  }

  /** How many operations have returned when `operation` has, itself included; 0 for an unknown outcome. */
  returnRank(operation: number): number {
    return this.#returnRank[operation]!;
  }

  /**
   * For a known outcome, a number below `slots` that it shares with none that is open at the same time (as rooms are given to
   * guests). For an unknown one, which is open for ever, a number below `unknowns` of its own.
   */
  slot(operation: number): number {
    return this.#slot[operation]!;
  }

  lift(operation: number): void {
    unlink(this.#next, this.#previous, operation + 1);
    if (this.#returnRank[operation] === 0) return;
    unlink(this.#next, this.#previous, operation + 1 + this.count);
    unlink(this.#nextReturn, this.#previousReturn, operation + 1);
    this.pendingReturns -= 1;
  }

  /** Undoes the latest `lift` that is not undone, which must be that of `operation`. */
  unlift(operation: number): void {
    if (this.#returnRank[operation] !== 0) {
      relink(this.#nextReturn, this.#previousReturn, operation + 1);
      relink(this.#next, this.#previous, operation + 1 + this.count);
      this.pendingReturns += 1;
    }
    relink(this.#next, this.#previous, operation + 1);
  }

  #candidateAt(entry: number): number {
    // Past the first return, or at the end, the known ones are through.
    if (entry === 0 || (entry > this.count && entry !== this.#unknownRing)) {
      return this.#unknownCandidateAt(this.#next[this.#unknownRing]!);
    }
    if (entry === this.#unknownRing) return -1;
    return this.#returnRank[entry - 1] === 0 ? this.#unknownCandidateAt(entry) : entry - 1;
  }

  #unknownCandidateAt(entry: number): number {
    if (entry === this.#unknownRing) return -1;
    const firstReturn = this.firstReturning() + 1 + this.count;
    return this.#rank[entry]! < this.#rank[firstReturn]! ? entry - 1 : -1;
  }
}

function append(next: Int32Array, previous: Int32Array, ring: number, entry: number): void {
  next[entry] = ring;
  previous[entry] = previous[ring]!;
  relink(next, previous, entry);
}

function unlink(next: Int32Array, previous: Int32Array, entry: number): void {
  next[previous[entry]!] = next[entry]!;
  previous[next[entry]!] = previous[entry]!;
}

function relink(next: Int32Array, previous: Int32Array, entry: number): void {
  next[previous[entry]!] = entry;
  previous[next[entry]!] = entry;
}

function entriesByTime(intervals: readonly Interval<unknown, unknown>[]): Int32Array {
  const n = intervals.length;
  const entries = new Int32Array(2 * n);
  const times = new Float64Array(2 * n + 1);
  let length = 0;
  for (const [i, interval] of intervals.entries()) {
    entries[length++] = i + 1;
    times[i + 1] = interval.call;
    if (interval.reply === null) continue;
    entries[length++] = i + 1 + n;
    times[i + 1 + n] = interval.return;
  }
  // Entry numbers of calls are below those of returns, so the tie-break is the rule for equal times.
  return entries.subarray(0, length).toSorted((a, b) => times[a]! - times[b]! || a - b);
}
