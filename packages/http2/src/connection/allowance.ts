/** So much at once, and so much a second: what a well-behaved peer never uses up. */
export class Allowance {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #atMs = 0;

  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
  }

  /** Takes one; false if there is none left. */
  take(nowMs: number): boolean {
    const gained = ((nowMs - this.#atMs) * this.#perSecond) / 1000;
    this.#left = Math.min(this.#most, this.#left + gained) - 1;
    this.#atMs = nowMs;
    if (this.#left >= 0) return true;
    this.#left = 0;
    return false;
  }
}
