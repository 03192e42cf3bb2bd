/** The texts that were appended to one key, made ready to find them again in a concatenation. */
export class TokenTable {
  /** Ascending by code units. */
  readonly #sorted: readonly string[];
  readonly #longest: number;

  constructor(tokens: Iterable<string>) {
    this.#sorted = [...tokens].toSorted(compare);
    this.#longest = this.#sorted.reduce((longest, token) => Math.max(longest, token.length), 0);
  }

  /**
   * Two tokens of which the first is a beginning of the second, or equal to it; null if there are none. Without such a pair at
   * most one token can stand at a place in a text, so that there is one way to read it.
   */
  ambiguousPair(): readonly [string, string] | null {
    // Between a token and one that begins with it, everything in order begins with it too: neighbours are enough.
    for (let i = 1; i < this.#sorted.length; i += 1) {
      const [token, next] = [this.#sorted[i - 1]!, this.#sorted[i]!];
      if (next.startsWith(token)) return [token, next];
    }
    return null;
  }

  /** The token at `offset` of `text`, null if there is none. Takes a binary search. */
  tokenAt(text: string, offset: number): string | null {
    const here = text.slice(offset, offset + this.#longest);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#sorted[middle]!, here) <= 0) low = middle + 1;
      else high = middle;
    }
    const token = this.#sorted[low - 1];
    return token !== undefined && here.startsWith(token) ? token : null;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
