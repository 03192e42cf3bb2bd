// Finds out why one seed fails, and says it in as few steps as possible.
import { drawPlan, minimise, replay, run, runWhole, type Step, Violation } from "@eraft/simulation";

/** Replays while looking for a shorter trace. More shorten it further and take longer. */
const ATTEMPTS = 4000;

export interface Explanation {
  readonly failure: string;
  /** Null where the failure is one of liveness: what does not happen cannot be shown by steps. */
  readonly trace: readonly Step[] | null;
  readonly recorded: number;
}

/** Null if `seed` does not fail. */
export function explain(seed: number, events: number): Explanation | null {
  const steps: Step[] = [];
  try {
    run({ seed, events, record: (step) => steps.push(step) });
    return null;
  } catch (error) {
    const plan = drawPlan(seed);
    const kind = kindOf(error);
    const fails = (some: readonly Step[]): boolean => kindOf(replay(plan, some)) === kind;
    const trace = fails(steps) ? minimise(steps, fails, ATTEMPTS) : null;
    return { failure: String(error), trace, recorded: steps.length };
  }
}

/** As much as one can read. */
const TOLD_LINES = 300;

/** Runs a seed with whole servers; its last lines tell what happened before it failed. */
export async function tellWhole(
  seed: number,
  events: number,
): Promise<{ readonly failure: string | null; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const record = (line: string): void => {
    lines.push(line);
    if (lines.length > 2 * TOLD_LINES) lines.splice(0, TOLD_LINES);
  };
  try {
    await runWhole({ seed, events, record });
    return { failure: null, lines: [] };
  } catch (error) {
    return { failure: String(error), lines: lines.slice(-TOLD_LINES) };
  }
}

/** One line for each action. */
export function* describe(trace: readonly Step[]): Generator<string> {
  for (const { at, action } of trace) {
    const { type, ...details } = action;
    const words = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    yield `${at.toFixed(1).padStart(9)} ${type.padEnd(12)} ${words.join(", ")}`;
  }
}

function kindOf(error: unknown): string | null {
  if (error === null) return null;
  if (error instanceof Violation) return error.property;
  return error instanceof Error ? error.name : "something that is no error";
}
