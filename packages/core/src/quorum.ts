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
