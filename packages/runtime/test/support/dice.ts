/** Numbers that look random and are the same in every run: a 32-bit linear congruential generator, its upper bits. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below`, exclusive. */
  roll(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.roll(from.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }
}
