/** Repeatable random numbers from two seeds of 32 bits (the generator known as mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number, stream: number) {
    this.#state = (Math.imul(seed + 1, 0x9e37_79b1) ^ Math.imul(stream + 1, 0x85eb_ca6b)) | 0;
  }

  /** A whole number from 0 up to, and without, `limit`, which is at most 2^32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % limit;
  }

  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly [T, ...(readonly T[])]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; at += 1) bytes[at] = this.below(256);
    return bytes;
  }

  /** From -2^63 to -1, most of them small. */
  negative(): bigint {
    return -1n - (BigInt(this.below(2 ** 31)) << BigInt(this.pick([0, 0, 0, 16, 32])));
  }

  /** Above 2^53 - 1, where numbers of JavaScript are not exact any more, up to 2^63 - 1. */
  huge(): bigint {
    return 2n ** 53n + (BigInt(this.below(2 ** 31)) << BigInt(this.pick([0, 1, 31])));
  }
}
