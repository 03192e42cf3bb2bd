/** Repeatable random numbers: a xorshift generator of 32 bits, whose seed may be any number. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Zero is the one state that xorshift never leaves; the multiplication keeps neighbouring seeds apart.
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) | 0 || 1;
    for (let i = 0; i < 4; i += 1) this.#next();
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** A whole number from `min` to `max`, both possible. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly [T, ...(readonly T[])]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
