import type { Clock } from "@eraft/core";

/** When somebody who hears nothing should hear that there is nothing: at first, and after each time without any. One timer, however often something happens. */
export class Progress {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #due: () => void;
  #madeAtMs: number;
  #isDue = true;
  #cancel: () => void;

  constructor(clock: Clock, everyMs: number, due: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#due = due;
    this.#madeAtMs = clock.now();
    this.#cancel = clock.after(everyMs, () => this.#look());
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  made(): void {
    this.#isDue = false;
    this.#madeAtMs = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#madeAtMs + this.#everyMs - this.#clock.now();
    this.#cancel = this.#clock.after(leftMs > 0 ? leftMs : this.#everyMs, () => this.#look());
    if (leftMs > 0) return;
    this.#isDue = true;
    this.#due();
  }
}
