import type { KvHistory } from "../../chaos/judge.ts";

/** From when to when, in the unit of the history's clock. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** How long clients had to wait at worst, in the unit of the history's clock. */
export interface Waits {
  /** The longest time in which nobody was answered. */
  readonly silence: number;
  /** The longest that one operation took, all its attempts included. */
  readonly operation: number;
}

/** Which waits belong to a window: all that any part of it has seen, or those that began in it. */
export type Belonging = "overlap" | "begin";

/**
 * How long clients had to wait in each window. A wait counts in full, also the part outside; one at whose end nobody was answered any more ends
 * with the window.
 */
export function waitsIn<W extends Window>(
  history: KvHistory,
  windows: readonly W[],
  belonging: Belonging,
): readonly (W & Waits)[] {
  const operations = history.flatMap((operation) =>
    operation.outcome === "ok" ? [{ from: operation.call, to: operation.return }] : [],
  );
  const answers = operations.map(({ to }) => to).toSorted((a, b) => a - b);
  return windows.map((window) => {
    const belongs = (wait: Window): boolean =>
      wait.from < window.to && (belonging === "begin" ? wait.from : wait.to) > window.from;
    return {
      ...window,
      silence: longest(silencesBetween(answers, window).filter(belongs)),
      operation: longest(operations.filter(belongs)),
    };
  });
}

/** The times between two answers, and those before the first and after the last of them as far as the window goes. */
function silencesBetween(answers: readonly number[], { from, to }: Window): readonly Window[] {
  const ends = [...answers, Math.max(to, answers.at(-1) ?? to)];
  return ends.map((end, at) => ({ from: answers[at - 1] ?? Math.min(from, end), to: end }));
}

function longest(waits: readonly Window[]): number {
  return waits.reduce((most, { from, to }) => Math.max(most, to - from), 0);
}
