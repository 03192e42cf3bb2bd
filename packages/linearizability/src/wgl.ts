import { ConfigurationSet } from "./configurations.ts";
import { EntryList } from "./entries.ts";
import type { Interval } from "./history.ts";
import { type Model, ModelError } from "./model.ts";
import { findLastObserved } from "./observers.ts";

/** How much work one search may be. Counts, not seconds: the same history gives the same verdict on every machine. */
export interface SearchLimits {
  /** Calls of `model.step` and comparisons of configurations. */
  readonly maxSteps: number;
  /**
   * Configurations remembered. Each takes about 100 bytes, what it does not share of its state, and a bit for each unknown
   * outcome; if there are more than about 2,000 of those it counts as several.
   */
  readonly maxConfigurations: number;
}

/** There is no fourth verdict, and only the first is a pass: `unknown` means that the limits were reached before an answer. */
export type Verdict = "linearizable" | "illegal" | "unknown";

export interface SearchResult<State> {
  readonly verdict: Verdict;
  /** The state before the first operation. */
  readonly start: State;
  /**
   * Positions in the intervals, in the order of a linearization. If the verdict is not `linearizable`: of one that gets as far
   * in time as any that was found, and then as long as any.
   */
  readonly order: readonly number[];
  /** The state after `order`. */
  readonly state: State;
  /**
   * The operation at which `order` ends, null when linearizable: it has to take effect before anything else returns, and cannot.
   * When illegal, no order whatever gets beyond its return.
   */
  readonly blocked: number | null;
  readonly steps: number;
  readonly configurations: number;
}

/**
 * Searches for a linearization: Wing and Gong's algorithm ("Testing and Verifying Concurrent Objects", 1993) with the memoisation
 * of Lowe ("Testing for linearizability", 2017), and three shortenings.
 *
 * - A read that is right in the present state is linearized at once and never reconsidered. If some order continues from here and
 *   has the read later, the same order with the read moved here is as good: the read changes no state, and nothing that is left
 *   has to come before it. So k concurrent reads cost k steps, not 2^k subsets.
 * - An unknown outcome need not be linearized at all, so the search ends when the last known one is.
 * - For the same reason the search need not go on from a configuration that has only spent more of the unknown ones than another,
 *   nor consider one of them when none of those that may depend on it is left.
 */
export function searchLinearization<State, Input, Output>(
  model: Model<State, Input, Output>,
  intervals: readonly Interval<Input, Output>[],
  start: State,
  limits: SearchLimits,
): SearchResult<State> {
  return new Search(model, intervals, start, limits).run();
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #intervals: readonly Interval<Input, Output>[];
  readonly #limits: SearchLimits;
  readonly #entries: EntryList;
  readonly #isRead: readonly boolean[];
  /** For an unknown outcome: the last return of an operation that may depend on it. After that it makes no difference. */
  readonly #lastObserved: Float64Array;
  readonly #seen: ConfigurationSet<State>;
  readonly #slotBits: Int32Array;
  readonly #unknownBits: Int32Array;
  /** The present order, and the state before each of its operations. */
  readonly #order: number[] = [];
  readonly #states: State[] = [];
  readonly #start: State;
  #state: State;
  #steps = 0;

  readonly #best: number[] = [];
  #bestState: State;
  #bestBlocked: number | null = null;
  #bestRank = -1;
  /** `best` and `order` are equal this far, so that keeping a new best copies only what changed since the last. */
  #shared = 0;

  constructor(
    model: Model<State, Input, Output>,
    intervals: readonly Interval<Input, Output>[],
    start: State,
    limits: SearchLimits,
  ) {
    this.#model = model;
    this.#intervals = intervals;
    this.#limits = limits;
    this.#entries = new EntryList(intervals);
    this.#isRead = intervals.map(({ input }) => model.isRead(input));
    this.#lastObserved = findLastObserved(model, intervals);
    this.#slotBits = new Int32Array(Math.ceil(this.#entries.slots / 32));
    this.#unknownBits = new Int32Array(Math.ceil(this.#entries.unknowns / 32));
    this.#seen = new ConfigurationSet(model, this.#slotBits.length, this.#unknownBits.length);
    this.#start = start;
    this.#state = start;
    this.#bestState = start;
  }

  run(): SearchResult<State> {
    const entries = this.#entries;
    this.#linearizeReads();
    let candidate = entries.firstCandidate();
    while (entries.pendingReturns > 0) {
      if (this.#exhausted()) return this.#conclude("unknown");
      if (candidate === -1) {
        this.#keepIfBest();
        const undone = this.#backtrack();
        if (undone === -1) return this.#conclude("illegal");
        candidate = entries.candidateAfter(undone);
      } else if (this.#matters(candidate) && this.#linearize(candidate) && this.#isNew()) {
        candidate = entries.firstCandidate();
      } else {
        candidate = entries.candidateAfter(candidate);
      }
    }
    return this.#conclude("linearizable");
  }

  /** Reads that are right have been linearized; and an unknown outcome that nobody can notice any more may as well be "never". */
  #matters(candidate: number): boolean {
    if (this.#isRead[candidate]!) return false;
    return this.#intervals[this.#entries.firstReturning()]!.return <= this.#lastObserved[candidate]!;
  }

  /** Tries `operation` as the next one; if its reply is right, it is lifted and on top of the order. */
  #linearize(operation: number): boolean {
    const { input, reply } = this.#intervals[operation]!;
    this.#steps += 1;
    const { state, output } = this.#model.step(this.#state, input);
    if (reply !== null && !this.#model.matches(output, reply.output)) return false;
    if (this.#isRead[operation]! && state !== this.#state && !this.#model.equals(state, this.#state)) {
      throw new ModelError(`isRead(${this.#model.describeInput(input)}) is true, but step changes the state`);
    }
    this.#order.push(operation);
    this.#states.push(this.#state);
    this.#state = state;
    this.#entries.lift(operation);
    this.#flipSlot(operation);
    return true;
  }

  #undo(): number {
    const operation = this.#order.pop()!;
    this.#state = this.#states.pop()!;
    this.#entries.unlift(operation);
    this.#flipSlot(operation);
    this.#shared = Math.min(this.#shared, this.#order.length);
    return operation;
  }

  /** Linearizes every read that is right in the present state; each one may bring more within reach. */
  #linearizeReads(): void {
    let candidate = this.#entries.firstCandidate();
    while (candidate !== -1) {
      const first = this.#entries.firstReturning();
      const next = this.#entries.candidateAfter(candidate);
      const done = this.#isRead[candidate]! && this.#linearize(candidate);
      // Nothing is in front of the first return any more: look again, as later reads may have come within reach.
      candidate = done && candidate === first ? this.#entries.firstCandidate() : next;
    }
  }

  /** After a write: whether this configuration, with the reads that follow of themselves, is new. If not, it is undone. */
  #isNew(): boolean {
    const write = this.#order.at(-1)!;
    this.#linearizeReads();
    // -1, when nothing is left to return, is a name for "all done" that cannot have been seen before.
    const configuration = {
      firstReturning: this.#entries.firstReturning(),
      slotBits: this.#slotBits,
      unknownBits: this.#unknownBits,
      state: this.#state,
    };
    if (this.#seen.add(configuration)) return true;
    while (this.#undo() !== write);
    return false;
  }

  /** Undoes the order down to the latest write, and that one too; -1 if there is none, so that all has been tried. */
  #backtrack(): number {
    while (this.#order.length > 0) {
      const operation = this.#undo();
      if (!this.#isRead[operation]!) return operation;
    }
    return -1;
  }

  #exhausted(): boolean {
    // With thousands of unknown outcomes a configuration is so long that the limit would not bound the memory.
    const weight = Math.ceil((this.#slotBits.length + this.#unknownBits.length) / 64);
    return (
      this.#work() >= this.#limits.maxSteps || this.#seen.size * weight >= this.#limits.maxConfigurations
    );
  }

  #work(): number {
    return this.#steps + this.#seen.comparisons;
  }

  #flipSlot(operation: number): void {
    const slot = this.#entries.slot(operation);
    const bits = this.#intervals[operation]!.reply === null ? this.#unknownBits : this.#slotBits;
    bits[slot >> 5]! ^= 1 << (slot & 31);
  }

  #keepIfBest(): void {
    const blocked = this.#entries.firstReturning();
    const rank = this.#entries.returnRank(blocked);
    if (rank < this.#bestRank || (rank === this.#bestRank && this.#order.length <= this.#best.length)) return;
    this.#best.length = this.#shared;
    for (let i = this.#shared; i < this.#order.length; i += 1) this.#best.push(this.#order[i]!);
    this.#shared = this.#order.length;
    this.#bestState = this.#state;
    this.#bestBlocked = blocked;
    this.#bestRank = rank;
  }

  #conclude(verdict: Verdict): SearchResult<State> {
    const work = { start: this.#start, steps: this.#work(), configurations: this.#seen.size };
    if (verdict === "linearizable") {
      return { verdict, order: this.#order, state: this.#state, blocked: null, ...work };
    }
    if (verdict === "unknown") this.#keepIfBest();
    return { verdict, order: this.#best, state: this.#bestState, blocked: this.#bestBlocked, ...work };
  }
}
