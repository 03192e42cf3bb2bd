import type { Input } from "@eraft/core";

/**
 * What waits for the next turn of the loop. Messages come out first and ticks last.
 *
 * Without that order: the process stalls for three seconds, the leader's heartbeats queue up; the timer is served first, and the
 * server starts an election against a leader whose heartbeats it already has.
 */
export class Inbox {
  #messages: Input[] = [];
  #others: Input[] = [];
  #tick: Input | null = null;

  push(input: Input): void {
    if (input.type === "receive") this.#messages.push(input);
    else if (input.type === "tick") this.#tick = input; // However many are due, time goes on by one.
    else this.#others.push(input);
  }

  /** Takes everything out. */
  drain(): readonly Input[] {
    const inputs = [...this.#messages, ...this.#others];
    if (this.#tick !== null) inputs.push(this.#tick);
    this.#messages = [];
    this.#others = [];
    this.#tick = null;
    return inputs;
  }
}
