import type { AppendInterval, AppendProblem, AppendProblemType } from "./append-problems.ts";
import { HistoryError } from "./history.ts";
import { TokenTable } from "./tokens.ts";

/** What the gets of a key say about the order of its appends. */
export interface Chain {
  /** 1, 2, ... for the appended texts that the longest get has, in its order. */
  readonly ordinalOf: ReadonlyMap<string, number>;
  /** How many of them each get has, by its position in the history. Gets that are wrong by themselves are missing. */
  readonly countOfGet: ReadonlyMap<number, number>;
}

/** Takes the longest get apart and compares the others with it. Adds what is wrong to `problems`. */
export function readChain(
  key: string,
  intervals: readonly AppendInterval[],
  problems: AppendProblem[],
): Chain {
  const appends = indexAppends(intervals);
  const gets = intervals.filter(({ input }) => input.type === "get");
  const longest = gets.reduce<AppendInterval | null>(
    (best, get) => (best === null || textOf(get).length > textOf(best).length ? get : best),
    null,
  );
  const report = (type: AppendProblemType, get: AppendInterval, other: number | null, what: string): void => {
    const message = `operation ${get.index} on ${JSON.stringify(key)} ${what}`;
    problems.push({ type, key, index: get.index, other, message });
  };
  const ordinalOf = new Map<string, number>();
  const countOfGet = new Map<number, number>();
  if (longest === null) return { ordinalOf, countOfGet };

  const text = textOf(longest);
  const countAt = parse(text, appends, ordinalOf, (type, other, what) => report(type, longest, other, what));
  for (const get of gets) {
    const own = textOf(get);
    const count = countAt.get(own.length);
    if (!text.startsWith(own)) {
      report(
        "diverged",
        get,
        longest.index,
        `is not the beginning of what operation ${longest.index} returned`,
      );
    } else if (count !== undefined) {
      countOfGet.set(get.index, count);
    } else if (own.length < countAt.end) {
      report("torn", get, null, "ends in the middle of an appended text");
    }
    // Otherwise it reaches into the part of the longest get that was reported as wrong.
  }
  return { ordinalOf, countOfGet };
}

/** The number of appended texts before each offset at which one ends. */
class Boundaries extends Map<number, number> {
  /** Up to where the text could be taken apart. */
  end = 0;
}

function parse(
  text: string,
  appends: ReadonlyMap<string, AppendInterval>,
  ordinalOf: Map<string, number>,
  report: (type: AppendProblemType, other: number | null, what: string) => void,
): Boundaries {
  const table = new TokenTable(appends.keys());
  const boundaries = new Boundaries([[0, 0]]);
  for (let offset = 0; offset < text.length;) {
    const token = table.tokenAt(text, offset);
    if (token === null) {
      report(
        "invented",
        null,
        `returned ${JSON.stringify(text.slice(offset, offset + 40))}, which nobody appended`,
      );
      break;
    }
    const append = appends.get(token)!;
    if (ordinalOf.has(token)) {
      report("duplicated", append.index, `returned ${JSON.stringify(token)} twice`);
      break;
    }
    if (append.failed) {
      report(
        "failedButSeen",
        append.index,
        `returned ${JSON.stringify(token)}, whose append was reported as not done`,
      );
    }
    ordinalOf.set(token, ordinalOf.size + 1);
    offset += token.length;
    boundaries.set(offset, ordinalOf.size);
    boundaries.end = offset;
  }
  return boundaries;
}

function indexAppends(intervals: readonly AppendInterval[]): Map<string, AppendInterval> {
  const appends = new Map<string, AppendInterval>();
  for (const interval of intervals) {
    if (interval.input.type !== "append") continue;
    const { value } = interval.input;
    const other = appends.get(value);
    // A client that was refused may well try the same text again, as a new operation: that one counts.
    if (other !== undefined && interval.failed) continue;
    if (other !== undefined && !other.failed) {
      throw new HistoryError("badInput", interval.index, `appends the same text as operation ${other.index}`);
    }
    appends.set(value, interval);
  }
  const ambiguous = new TokenTable(appends.keys()).ambiguousPair();
  if (ambiguous !== null) {
    const [start, whole] = ambiguous.map((token) => JSON.stringify(token));
    throw new HistoryError(
      "badInput",
      appends.get(ambiguous[1])!.index,
      `appends ${whole}, which begins with another text, ${start}`,
    );
  }
  return appends;
}

/** An absent key has no text, and a get of it is not to be told from one of an empty value. */
function textOf(get: AppendInterval): string {
  return get.reply?.output ?? "";
}
