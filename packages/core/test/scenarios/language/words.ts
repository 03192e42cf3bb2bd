/** The words of a command, read one after the other. What does not fit is an error that says what would. */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(line: string) {
    this.#words = line.split(/\s+/).filter((word) => word !== "");
  }

  get isEmpty(): boolean {
    return this.#at === this.#words.length;
  }

  word(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw new Error(`here ends the line, where ${what} is expected`);
    this.#at += 1;
    return word;
  }

  count(what: string): number {
    return toCount(this.word(what), what);
  }

  /** All that follow, as counts. */
  counts(what: string): number[] {
    return this.rest().map((word) => toCount(word, what));
  }

  /** Takes `word` if it is next. */
  take(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  /** Takes words as long as they fit `pattern`. */
  takeAll(pattern: RegExp): string[] {
    const taken: string[] = [];
    for (const word of this.#words.slice(this.#at)) {
      if (!pattern.test(word)) break;
      taken.push(word);
    }
    this.#at += taken.length;
    return taken;
  }

  rest(): string[] {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return rest;
  }

  end(): void {
    if (!this.isEmpty) throw new Error(`nothing more is expected, but there is: ${this.rest().join(" ")}`);
  }
}

export function toCount(word: string, what: string): number {
  const count = Number(word);
  if (!/^\d+$/.test(word) || !Number.isSafeInteger(count))
    throw new Error(`${what} is expected, not "${word}"`);
  return count;
}
