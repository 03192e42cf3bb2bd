// Runs seeds and posts what became of each.
import { parentPort, workerData } from "node:worker_threads";
import { type RunResult, run, runWhole, type WholeResult } from "@eraft/simulation";

export interface Job {
  readonly first: number;
  readonly step: number;
  readonly runs: number;
  readonly events: number;
  /** Whole servers rather than bare cores. */
  readonly whole: boolean;
}

export type Report =
  | {
      readonly seed: number;
      readonly events: number;
      readonly simulatedMs: number;
      readonly writes: number;
      readonly reads: number;
      readonly unknown: number;
      readonly traceHash: number;
      readonly coverage: ReadonlyMap<string, number>;
      readonly failure: null;
    }
  | { readonly seed: number; readonly failure: string };

/** Of a promise that nobody waits for, only the process hears. */
const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

async function simulate(seed: number, events: number, whole: boolean): Promise<RunResult | WholeResult> {
  if (!whole) return run({ seed, events });
  const result = await runWhole({ seed, events });
  const [first] = unhandled.splice(0);
  if (first !== undefined) throw new Error("a promise was rejected and nobody noticed", { cause: first });
  return result;
}

async function runOne(seed: number, events: number, whole: boolean): Promise<Report> {
  try {
    const { coverage, ...result } = await simulate(seed, events, whole);
    return { ...result, coverage: coverage.counts(), failure: null };
  } catch (error) {
    return { seed, failure: String(error) };
  }
}

const { first, step, runs, events, whole } = workerData as Job;
for (let at = 0; at < runs; at += 1) {
  parentPort?.postMessage(await runOne(first + at * step, events, whole));
}
