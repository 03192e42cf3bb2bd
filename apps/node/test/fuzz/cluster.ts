/** The node under fire is server 0 of three. Nobody else is there, and its clock stands still: it changes only if a message makes it. */
export const SELF = 0;
export const PEERS = [1, 2] as const;

/** What its leader, server 1, has sent before: each entry's term, from index 1 on. */
export const TERMS: readonly number[] = [1, 1, 1, 2, 2, 3, 3, 3, 3, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7, 7];
export const LEADER = 1;
export const OTHER = 2;
export const TERM = 7;
export const LAST_INDEX: number = TERMS.length;
export const COMMIT_INDEX = 16;

/** What the core takes for a broken or hostile sender. */
export const MAX_TERM_LEAP: number = 2 ** 20;

export function termAt(index: number): number {
  return TERMS[index - 1] ?? 0;
}
