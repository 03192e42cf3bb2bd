/** The randomness of one Go node: a Weyl sequence through the murmur3 finaliser, from a seed, so that a run replays. */
export class GoRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = mix(seed | 0);
  }

  /** A uniformly distributed integer in [min, max). */
  integer(min: number, max: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return min + Math.floor(((mix(this.#state) >>> 0) / 2 ** 32) * (max - min));
  }
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
