/**
 * Choices that follow from a seed. With real processes a seed does not repeat a run, only what is done to it: which fault, to whom, how badly.
 * (A Weyl sequence through the murmur3 finaliser.)
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = mix(seed | 0);
  }

  /** A generator of its own, so that what one part of a run draws does not shift the choices of the others. */
  fork(): Random {
    return new Random(this.integer(0, 2 ** 31));
  }

  /** From 0 up to 1. */
  unit(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return (mix(this.#state) >>> 0) / 2 ** 32;
  }

  /** An integer in [min, max). */
  integer(min: number, max: number): number {
    return min + Math.floor(this.unit() * (max - min));
  }

  /** A number in [min, max), as often between 1 and 10 as between 10 and 100. */
  magnitude(min: number, max: number): number {
    return min * (max / min) ** this.unit();
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, rank: this.unit() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ item }) => item);
  }
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
