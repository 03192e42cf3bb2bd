import type { Interval } from "./history.ts";

/** Where a bar goes; `x` counts from the left end of the time axis, pixels. */
export interface Bar {
  /** Position in the intervals. */
  readonly position: number;
  /** Row from the top. */
  readonly row: number;
  readonly x: number;
  readonly width: number;
  /** It has no right end: nobody knows when, or whether, it took effect. */
  readonly open: boolean;
}

export interface Layout {
  readonly bars: readonly Bar[];
  /**
   * The client of each row. One has several rows if its bars overlap: a client goes on under its id after an operation whose
   * outcome it knew, but which a minimiser has made an open one.
   */
  readonly rows: readonly number[];
  readonly width: number;
}

const GAP = 26;

/**
 * Places bars so that their ends are in the order of time and every label fits its bar. Distances mean nothing: clocks leave bars of
 * a microsecond beside pauses of seconds, and only the order matters to linearizability.
 *
 * @param labelWidth pixels that the label of an interval needs
 */
export function layOut(
  intervals: readonly Interval<unknown, unknown>[],
  positions: readonly number[],
  labelWidth: (position: number) => number,
): Layout {
  const shown = positions.map((position) => ({ position, ...intervals[position]! }));
  const columns = columnsOf(shown);
  const ends = shown.map(({ call, return: returned }) => ({
    from: columns.calls.get(call)!,
    to: columns.returns.get(returned) ?? columns.count,
  }));
  const gaps = Array.from({ length: columns.count }, () => GAP);
  for (const i of [...shown.keys()].toSorted((a, b) => ends[a]!.to - ends[b]!.to)) {
    const { from, to } = ends[i]!;
    const missing = Math.max(0, labelWidth(shown[i]!.position) - sum(gaps, from, to));
    for (let gap = from; gap < to; gap += 1) gaps[gap]! += missing / (to - from);
  }
  const rows = rowsOf(shown.map(({ client }, i) => ({ client, ...ends[i]! })));
  const bars = shown.map(({ position, return: returned }, i) => ({
    position,
    row: rows.rowOf[i]!,
    x: sum(gaps, 0, ends[i]!.from),
    width: sum(gaps, ends[i]!.from, ends[i]!.to),
    open: returned === Infinity,
  }));
  return { bars, rows: rows.clients, width: sum(gaps, 0, gaps.length) };
}

interface Span {
  readonly client: number;
  readonly from: number;
  readonly to: number;
}

/** Rows by client, each bar in the first one of its client that is free. */
function rowsOf(spans: readonly Span[]): {
  readonly rowOf: readonly number[];
  readonly clients: readonly number[];
} {
  const rows: { readonly client: number; until: number; readonly bars: number[] }[] = [];
  for (const i of [...spans.keys()].toSorted((a, b) => spans[a]!.from - spans[b]!.from)) {
    const { client, from, to } = spans[i]!;
    const free = rows.find((row) => row.client === client && row.until <= from);
    if (free === undefined) rows.push({ client, until: to, bars: [i] });
    else {
      free.until = to;
      free.bars.push(i);
    }
  }
  const sorted = rows.toSorted((a, b) => a.client - b.client);
  const rowOf = spans.map((_, i) => sorted.findIndex(({ bars }) => bars.includes(i)));
  return { rowOf, clients: sorted.map(({ client }) => client) };
}

interface Columns {
  readonly calls: ReadonlyMap<number, number>;
  readonly returns: ReadonlyMap<number, number>;
  readonly count: number;
}

/** A column for each time at which something was called or returned; at equal times the calls come first. */
function columnsOf(shown: readonly Interval<unknown, unknown>[]): Columns {
  const calls = new Map(shown.map(({ call }) => [call, 0]));
  const returns = new Map(
    shown.filter(({ reply }) => reply !== null).map((interval) => [interval.return, 0]),
  );
  let count = 0;
  for (const time of [...new Set([...calls.keys(), ...returns.keys()])].toSorted((a, b) => a - b)) {
    if (calls.has(time)) calls.set(time, count++);
    if (returns.has(time)) returns.set(time, count++);
  }
  return { calls, returns, count };
}

function sum(gaps: readonly number[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i += 1) total += gaps[i]!;
  return total;
}
