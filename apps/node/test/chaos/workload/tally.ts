/** What clients were told, and how long they had to wait for it. */
export class Tally {
  acknowledged = 0;
  unknown = 0;
  failed = 0;
  /** The longest time without an answer to anybody, in milliseconds. */
  worstOutageMs = 0;
  #lastMs = performance.now();

  get operations(): number {
    return this.acknowledged + this.unknown + this.failed;
  }

  answered(): void {
    const now = performance.now();
    this.worstOutageMs = Math.max(this.worstOutageMs, now - this.#lastMs);
    this.#lastMs = now;
    this.acknowledged += 1;
  }
}
