import { KvScenario, type KvScenarioOptions } from "../../../src/scenario/index.ts";
import type { MitResult, MitScenario } from "../mit-scenario.ts";

/** A test of servers with the key-value state machine: the script, then the end of all faults, convergence, and the check of the history. */
export function kvScenario(
  name: string,
  options: KvScenarioOptions,
  script: (s: KvScenario) => Promise<void>,
): MitScenario {
  const run = async (seed: number): Promise<MitResult> => {
    const s = new KvScenario(seed, options);
    await script(s);
    await s.finish();
    return { simulatedMs: s.now, traceHash: s.traceHash };
  };
  return { name, run };
}
