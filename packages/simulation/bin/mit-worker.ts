// Runs seeds of the scenarios it is sent, and posts what became of each.
import { parentPort } from "node:worker_threads";
import { runMit } from "../test/mit/all.ts";

/** Some seeds of one scenario. */
export interface MitJob {
  readonly name: string;
  readonly seeds: readonly number[];
}

export interface MitReport {
  readonly name: string;
  readonly seeds: number;
  readonly simulatedMs: number;
  readonly realMs: number;
  readonly failures: readonly { readonly seed: number; readonly message: string }[];
}

parentPort?.on("message", (job: MitJob) => {
  void report(job).then((report) => parentPort?.postMessage(report));
});

async function report({ name, seeds }: MitJob): Promise<MitReport> {
  const began = performance.now();
  const failures = [];
  let simulatedMs = 0;
  for (const seed of seeds) {
    try {
      simulatedMs += (await runMit(name, seed)).simulatedMs;
    } catch (error) {
      failures.push({ seed, message: String(error) });
    }
  }
  return { name, seeds: seeds.length, simulatedMs, realMs: performance.now() - began, failures };
}
