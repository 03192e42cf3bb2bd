// Runs seeds and posts what became of each.
import { parentPort, workerData } from "node:worker_threads";
import { run } from "@eraft/simulation";

export interface Job {
  readonly first: number;
  readonly step: number;
  readonly runs: number;
  readonly events: number;
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

function runOne(seed: number, events: number): Report {
  try {
    const { coverage, ...result } = run({ seed, events });
    return { ...result, coverage: coverage.counts(), failure: null };
  } catch (error) {
    return { seed, failure: String(error) };
  }
}

const { first, step, runs, events } = workerData as Job;
for (let at = 0; at < runs; at += 1) parentPort?.postMessage(runOne(first + at * step, events));
