import { finishHash, mixHash } from "./hash.ts";

/** What a set of configurations needs to know of states. */
export interface StateEquality<State> {
  hash(state: State): number;
  equals(a: State, b: State): boolean;
}

const EMPTY = 0;

/** Which operations are linearized, and in which state that leaves the object. */
export interface Configuration<State> {
  /** The first operation, by return, that is not linearized; -1 if all have been. */
  readonly firstReturning: number;
  /** One bit for each slot of known outcomes, flipped by each operation that is linearized in that slot. */
  readonly slotBits: Int32Array;
  /** One bit for each unknown outcome, set if it is linearized. */
  readonly unknownBits: Int32Array;
  readonly state: State;
}

/**
 * The configurations that a search has been through: Lowe's memoisation. Without it every order of the same concurrent operations
 * is searched again.
 *
 * The set of linearized operations is not stored as such, which would take n bits each, and it is not trusted to a hash either:
 * a collision would silently cut off the one branch that succeeds. Two facts give a short and exact name for it. All operations
 * that returned before the first return still in the list are linearized, and none called after it can be. So, that first return
 * being given, only the operations open at that time may differ. Each of them has a slot to itself, and linearizing an operation
 * flips the bit of its slot: earlier guests of the slot have all flipped it and later ones have not, so the bit tells whether the
 * present one has. (first return, slot bits) therefore names the set of known outcomes, one to one.
 *
 * Unknown outcomes need not be linearized at all. So one configuration is at least as good as another that differs only in having
 * spent more of them: whatever order continues from the latter continues from the former. The set treats the worse one as seen.
 */
export class ConfigurationSet<State> {
  readonly #model: StateEquality<State>;
  readonly #slotWords: number;
  readonly #unknownWords: number;
  /** Open addressing: index of a configuration plus 1, or EMPTY. The length is a power of two. */
  #table: Int32Array = new Int32Array(1024);
  /** For each configuration: first return, hash of all but the unknown bits, slot bits, unknown bits. */
  #records: Int32Array;
  readonly #states: State[] = [];
  #comparisons = 0;

  constructor(model: StateEquality<State>, slotWords: number, unknownWords: number) {
    this.#model = model;
    this.#slotWords = slotWords;
    this.#unknownWords = unknownWords;
    this.#records = new Int32Array(512 * this.#stride);
  }

  get size(): number {
    return this.#states.length;
  }

  /** How often two configurations have been compared: work that grows when many differ in unknown outcomes only. */
  get comparisons(): number {
    return this.#comparisons;
  }

  get #stride(): number {
    return 2 + this.#slotWords + this.#unknownWords;
  }

  /** False if it, or one at least as good, was there already. The bits are copied. */
  add(configuration: Configuration<State>): boolean {
    const hash = this.#hash(configuration);
    const mask = this.#table.length - 1;
    let position = hash & mask;
    for (; this.#table[position] !== EMPTY; position = (position + 1) & mask) {
      if (this.#covers(this.#table[position]! - 1, hash, configuration)) return false;
    }
    this.#store(hash, configuration);
    this.#table[position] = this.size;
    if (this.size * 2 > this.#table.length) this.#grow();
    return true;
  }

  #hash({ firstReturning, slotBits, state }: Configuration<State>): number {
    let hash = mixHash(this.#model.hash(state), firstReturning);
    for (const word of slotBits) hash = mixHash(hash, word);
    return finishHash(hash);
  }

  #covers(
    found: number,
    hash: number,
    { firstReturning, slotBits, unknownBits, state }: Configuration<State>,
  ): boolean {
    this.#comparisons += 1;
    let at = found * this.#stride;
    if (this.#records[at++] !== firstReturning || this.#records[at++] !== hash) return false;
    for (const word of slotBits) if (this.#records[at++] !== word) return false;
    for (const word of unknownBits) if ((this.#records[at++]! & ~word) !== 0) return false;
    return this.#model.equals(this.#states[found]!, state);
  }

  #store(hash: number, { firstReturning, slotBits, unknownBits, state }: Configuration<State>): void {
    const at = this.size * this.#stride;
    if (at === this.#records.length) {
      const larger = new Int32Array(at * 2);
      larger.set(this.#records);
      this.#records = larger;
    }
    this.#records[at] = firstReturning;
    this.#records[at + 1] = hash;
    this.#records.set(slotBits, at + 2);
    this.#records.set(unknownBits, at + 2 + this.#slotWords);
    this.#states.push(state);
  }

  #grow(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let i = 0; i < this.size; i += 1) {
      let position = this.#records[i * this.#stride + 1]! & mask;
      while (this.#table[position] !== EMPTY) position = (position + 1) & mask;
      this.#table[position] = i + 1;
    }
  }
}
