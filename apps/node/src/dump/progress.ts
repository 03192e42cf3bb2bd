import type { Io } from "../io.ts";

const STEP_MS = 200;

/** One line on a terminal that says how far something is. Nothing where nobody looks. */
export class Progress {
  readonly #io: Io;
  readonly #now: () => number;
  #shownAtMs = -Infinity;
  #width = 0;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#now = now;
  }

  /** Shown if the last one has been there for a moment. */
  show(text: string): void {
    if (!this.#io.isWatched || this.#now() - this.#shownAtMs < STEP_MS) return;
    this.#shownAtMs = this.#now();
    this.#io.err(`\r${text.padEnd(this.#width)}`);
    this.#width = text.length;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#width > 0) this.#io.err(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }
}

/** `12,345 items`, `1 item`. */
export function itemCount(count: number): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? "item" : "items"}`;
}
