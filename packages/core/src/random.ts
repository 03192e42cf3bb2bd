/**
 * A pseudo-random generator whose whole state is one 32-bit word, so that a server's randomness can be copied and replayed like the rest of it.
 * (A Weyl sequence through the murmur3 finaliser: period 2^32, far more than a server will ever hold elections.)
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Seeds differ in few bits, 0, 1, 2: mixing both halves spreads them over the whole range.
    this.#state = mix((seed | 0) ^ mix(Math.floor(seed / 2 ** 32) | 0));
  }

  /** A uniformly distributed integer in [min, max). */
  integer(min: number, max: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    const unit = (mix(this.#state) >>> 0) / 2 ** 32;
    return min + Math.floor(unit * (max - min));
  }
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
