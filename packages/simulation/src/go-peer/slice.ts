import { GoPanic } from "./panic.ts";

/** Bytes of one log entry in memory: two ints and an interface. */
const ELEMENT_BYTES = 32;

/** The sizes in which Go's allocator hands out memory, as far as they matter here; above the last, whole pages. */
const SIZE_CLASSES = [
  32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024,
  1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912,
  8192, 9472, 9728, 10_240, 10_880, 12_288, 13_568, 14_336, 16_384, 18_432, 19_072, 20_480, 21_760, 24_576,
  27_264, 28_672, 32_768,
];
const PAGE_BYTES = 8192;

/**
 * A Go slice: a window on memory that may reach further than the window. Two of the Go node's bugs are only visible with that memory: a window
 * made longer again shows what was cut off before, and one made longer than the memory kills the process.
 */
export class GoSlice<T> {
  readonly #memory: T[];
  readonly #offset: number;
  readonly #zero: T;
  readonly length: number;

  private constructor(memory: T[], offset: number, length: number, zero: T) {
    this.#memory = memory;
    this.#offset = offset;
    this.length = length;
    this.#zero = zero;
  }

  /** Memory for exactly `values`. */
  static of<T>(values: readonly T[], zero: T): GoSlice<T> {
    return new GoSlice([...values], 0, values.length, zero);
  }

  /** How long a window from here on may become. */
  get capacity(): number {
    return this.#memory.length - this.#offset;
  }

  /** `s[index]`. */
  at(index: number): T {
    const value = index >= 0 && index < this.length ? this.#memory[this.#offset + index] : undefined;
    if (value === undefined) throw new GoPanic(`index out of range [${index}] with length ${this.length}`);
    return value;
  }

  /** `s[low:high]`, on the same memory. `high` may lie beyond the length, up to the capacity. */
  slice(low: number, high: number = this.length): GoSlice<T> {
    if (low < 0 || low > high || high > this.capacity) {
      throw new GoPanic(`slice bounds out of range [${low}:${high}] with capacity ${this.capacity}`);
    }
    return new GoSlice(this.#memory, this.#offset + low, high - low, this.#zero);
  }

  /** `append(s, values...)`: overwrites memory in place while it is large enough. */
  append(values: readonly T[]): GoSlice<T> {
    const length = this.length + values.length;
    let memory = this.#memory;
    let offset = this.#offset;
    if (length > this.capacity) {
      memory = this.toArray();
      const capacity = grownCapacity(this.capacity, length);
      while (memory.length < capacity) memory.push(this.#zero);
      offset = 0;
    }
    for (const [at, value] of values.entries()) memory[offset + this.length + at] = value;
    return new GoSlice(memory, offset, length, this.#zero);
  }

  /** Memory of its own, of exactly its length, if less than half of the present one is used. */
  shrink(): GoSlice<T> {
    return this.length * 2 < this.capacity ? GoSlice.of(this.toArray(), this.#zero) : this;
  }

  toArray(): T[] {
    return this.#memory.slice(this.#offset, this.#offset + this.length);
  }
}

/** Go's rule: double while small, then by a quarter; then rounded up to what the allocator hands out anyway. */
function grownCapacity(capacity: number, needed: number): number {
  let grown = capacity;
  if (needed > 2 * capacity) grown = needed;
  else if (capacity < 256) grown = 2 * capacity;
  else while (grown < needed) grown += (grown + 3 * 256) >> 2;
  const bytes = grown * ELEMENT_BYTES;
  const allocated = SIZE_CLASSES.find((size) => size >= bytes) ?? Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
  return Math.floor(allocated / ELEMENT_BYTES);
}
