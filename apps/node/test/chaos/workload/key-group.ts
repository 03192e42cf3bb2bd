import type { Random } from "../random.ts";

/** The keys of appends and gets alone, which a second checker judges, begin with this. */
export const APPEND_ONLY = "append-";

const MAX_UNKNOWN = 4;

/**
 * The keys that a group of clients works on: at any time one that is only appended to and read, and one that is also put. After `opsPerKey`
 * operations, or a few with unknown outcomes, a key is left alone for good and a fresh one takes its place: a search through the orders of a
 * long history is hard, through those of many short ones it is not; and what is unknown may have happened at any time from then on, so
 * each one can double the orders that there are.
 */
export class KeyGroup {
  /** All keys that were ever given out. */
  readonly keys: string[] = [];
  readonly #name: string;
  readonly #opsPerKey: number;
  readonly #current = new Map<string, { key: string; used: number; unknown: number }>();

  constructor(name: string, opsPerKey: number) {
    this.#name = name;
    this.#opsPerKey = opsPerKey;
  }

  /** The key for the next operation. */
  next(random: Random): string {
    const prefix = random.pick([APPEND_ONLY, "mixed-"]);
    let current = this.#current.get(prefix);
    if (current === undefined || current.used >= this.#opsPerKey || current.unknown >= MAX_UNKNOWN) {
      current = { key: `${prefix}${this.#name}-${this.keys.length}`, used: 0, unknown: 0 };
      this.keys.push(current.key);
      this.#current.set(prefix, current);
    }
    current.used += 1;
    return current.key;
  }

  /** To be called when nobody knows what became of a write to `key`. */
  hasUnknown(key: string): void {
    for (const current of this.#current.values()) if (current.key === key) current.unknown += 1;
  }
}
