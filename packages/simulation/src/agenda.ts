interface Appointment<T> {
  readonly at: number;
  readonly order: number;
  readonly what: T;
}

/** What happens when, in virtual time: a binary heap in which equal times keep the order they were added in. */
export class Agenda<T> {
  readonly #heap: Appointment<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the next appointment is; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(at: number, what: T): void {
    const heap = this.#heap;
    this.#order += 1;
    const added = { at, order: this.#order, what };
    let child = heap.length;
    heap.push(added);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as Appointment<T>;
      if (!isBefore(added, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = added;
  }

  /** Takes the next appointment; undefined when there is none. */
  next(): { readonly at: number; readonly what: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Appointment<T>)) child += 1;
      const below = heap[child] as Appointment<T>;
      if (!isBefore(below, last)) break;
      heap[parent] = below;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}

function isBefore<T>(one: Appointment<T>, other: Appointment<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
