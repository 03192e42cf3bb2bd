/** One that waits, with its place in the list. */
export interface Waiting {
  dueMs: number;
  before: Waiting | null;
  after: Waiting | null;
  readonly stop: () => void;
}

/**
 * Those that wait, in the order in which they came. Not a `Set`, and who leaves takes no links along, for the sake of the collector of young garbage:
 *
 * 1. A `Set` that calls enter and leave copies itself into new memory every few hundred calls. What it had before is garbage, but still says who was in it at that time.
 * 2. That memory is old by then, and only a collection of everything finds out that it is garbage. Until then, whatever it names counts as alive.
 * 3. So half of all calls, with all that belongs to them, grow old after they have been answered: most of what a leader then had to collect the expensive way.
 */
export class WaitingList {
  #first: Waiting | null = null;
  #last: Waiting | null = null;

  /** The one that has waited longest; null if nobody waits. */
  get first(): Waiting | null {
    return this.#first;
  }

  /** `wait` is in no list. */
  add(wait: Waiting): void {
    wait.before = this.#last;
    if (this.#last === null) this.#first = wait;
    else this.#last.after = wait;
    this.#last = wait;
  }

  /** Nothing happens if it is not there. */
  delete(wait: Waiting): void {
    const { before, after } = wait;
    if (before !== null) before.after = after;
    else if (this.#first === wait) this.#first = after;
    else return;
    if (after !== null) after.before = before;
    else this.#last = before;
    wait.before = null;
    wait.after = null;
  }
}
