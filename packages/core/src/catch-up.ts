import type { Progress } from "./progress.ts";
import type { LogIndex } from "./types.ts";

/**
 * Whether a learner has caught up (dissertation, 4.2.1): replication goes in rounds, each up to where the log ended when it began. A round that
 * takes less than an election timeout leaves little enough to be made up for by a voter.
 */
export class CatchUp {
  readonly #lastIndex: () => LogIndex;
  readonly #maxTicks: number;
  #goal: LogIndex;
  #ticks = 0;
  #isDone = false;

  constructor(lastIndex: () => LogIndex, maxTicks: number) {
    this.#lastIndex = lastIndex;
    this.#maxTicks = maxTicks;
    this.#goal = lastIndex();
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  tick(follower: Progress | null): void {
    this.#ticks += 1;
    if (follower === null || follower.matchIndex < this.#goal) {
      // It was fast once, and has been away since: as a voter it would only make the majority larger.
      if (this.#ticks >= this.#maxTicks) this.#isDone = false;
      return;
    }
    this.#isDone = this.#ticks < this.#maxTicks && follower.ticksSinceContact < this.#maxTicks;
    this.#goal = this.#lastIndex();
    this.#ticks = 0;
  }
}
