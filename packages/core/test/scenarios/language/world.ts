import type { Words } from "./words.ts";

/** What a script acts upon. */
export interface World {
  /** By its first word, what each command does. It reads the words after that; words left over are an error. */
  readonly commands: Readonly<Record<string, (words: Words) => void>>;

  /** What there is to see since the last look, line by line. */
  look(): string[];
}

/** Remembers what was shown, so that a look shows only what has changed. */
export class Changes {
  readonly #shown = new Map<string, string>();

  /** The lines that differ from those shown under the same key before. */
  of(lines: Iterable<readonly [key: string, line: string]>): string[] {
    const changed: string[] = [];
    for (const [key, line] of lines) {
      if (this.#shown.get(key) !== line) changed.push(line);
      this.#shown.set(key, line);
    }
    return changed;
  }

  forget(): void {
    this.#shown.clear();
  }
}
