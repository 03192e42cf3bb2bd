import type { StreamedCall } from "./streamed-call.ts";

/** Calls that wait to be sent, first come first; those that have been given up meanwhile are passed over. */
export class CallQueue {
  #calls: StreamedCall[] = [];
  #head = 0;

  /** With those that were given up. */
  get length(): number {
    return this.#calls.length - this.#head;
  }

  push(call: StreamedCall): void {
    this.#calls.push(call);
  }

  /** They come before all that wait, in this order. */
  putBack(calls: Iterable<StreamedCall>): void {
    this.#calls = [...calls, ...this.#calls.slice(this.#head)];
    this.#head = 0;
  }

  first(): StreamedCall | null {
    for (;;) {
      const call = this.#calls[this.#head];
      if (call === undefined) return null;
      if (!call.isSettled) return call;
      this.shift();
    }
  }

  shift(): void {
    this.#head += 1;
    if (this.#head < 1024 || this.#head * 2 < this.#calls.length) return;
    this.#calls = this.#calls.slice(this.#head);
    this.#head = 0;
  }

  *[Symbol.iterator](): Generator<StreamedCall> {
    for (let at = this.#head; at < this.#calls.length; at += 1) {
      const call = this.#calls[at];
      if (call !== undefined && !call.isSettled) yield call;
    }
  }
}
