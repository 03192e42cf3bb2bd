/**
 * Until when a leader may serve reads without asking (dissertation, 6.4.1): for `duration` after it sent something that a majority has answered, for
 * none of those who answered votes for another server before. Times are the caller's, see the `time` input: ticks would not do, since a process that
 * stood still has not counted them.
 */
export class Lease {
  readonly #duration: number;
  /** What was numbered above `sequence` was sent at `at` or later. */
  #marks: { readonly sequence: number; readonly at: number }[] = [];
  #start = Number.NEGATIVE_INFINITY;

  constructor(duration: number) {
    this.#duration = duration;
  }

  /** What is numbered above `sequence` is sent from `now` on. */
  mark(sequence: number, now: number): void {
    const last = this.#marks.at(-1);
    if (last?.at === now) return;
    // Nothing was sent since: what comes next is sent now, not then.
    if (last?.sequence === sequence) this.#marks.pop();
    this.#marks.push({ sequence, at: now });
  }

  /** A majority has answered what is numbered up to `sequence`. */
  answered(sequence: number): void {
    let mark = this.#marks[0];
    while (mark !== undefined && mark.sequence < sequence) {
      this.#start = Math.max(this.#start, mark.at);
      this.#marks.shift();
      mark = this.#marks[0];
    }
  }

  isValidAt(now: number): boolean {
    return now < this.#start + this.#duration;
  }
}
