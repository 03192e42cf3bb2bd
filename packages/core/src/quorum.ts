import { countsIn, isElector } from "./configuration.ts";
import type { Configuration, NodeId } from "./types.ts";

/** How many of `servers` are a majority: any two majorities share a server. (Not `servers / 2` rounded up: of 4 it takes 3.) */
export function majority(servers: number): number {
  return Math.floor(servers / 2) + 1;
}

/**
 * The highest value that a majority has reached, given what each server has reached. Used with match indexes to commit (dissertation, 3.5)
 * and with acknowledged sequence numbers to confirm leadership (6.4).
 */
export function reachedByMajority(values: readonly number[]): number {
  const descending = values.toSorted((a, b) => b - a);
  return descending[majority(values.length) - 1] ?? 0;
}

/**
 * The majorities that a configuration asks for: one, or while it is joint one of each half (4.3). Everything that needs a majority asks here, so
 * that none forgets the second half.
 */
export class Quorum {
  readonly #halves: readonly (readonly (NodeId | null)[])[];

  constructor({ members }: Configuration) {
    // A voter that is none in its own right still counts among those of whom it takes a majority.
    const half = (which: "old" | "new"): (NodeId | null)[] =>
      members
        .filter(({ standing }) => countsIn(standing, which))
        .map(({ id, standing }) => (isElector(standing) ? id : null));
    const [old, next] = [half("old"), half("new")];
    const same = old.length === next.length && old.every((id, at) => id === next[at]);
    this.#halves = same ? [old] : [old, next];
  }

  /** The highest value that the majorities have reached. */
  reached(valueOf: (id: NodeId) => number): number {
    let reached = Number.POSITIVE_INFINITY;
    for (const half of this.#halves) {
      const values = half.map((id) => (id === null ? 0 : valueOf(id)));
      reached = Math.min(reached, reachedByMajority(values));
    }
    return reached;
  }

  /** Whether those for whom `has` is true are enough. */
  isReachedBy(has: (id: NodeId) => boolean): boolean {
    return this.reached((id) => (has(id) ? 1 : 0)) === 1;
  }
}
