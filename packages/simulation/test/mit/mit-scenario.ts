import { Scenario, type ScenarioOptions } from "../../src/scenario/index.ts";

export interface MitResult {
  readonly simulatedMs: number;
  /** Equal for two runs exactly if they went the same way. */
  readonly traceHash: number;
}

/** One of the labs' tests, for one seed. Rejects with a Violation. */
export interface MitScenario {
  readonly name: string;
  readonly run: (seed: number) => Promise<MitResult>;
}

/** A test of bare cores: the script, then the end of all faults and convergence. */
export function raftScenario(
  name: string,
  options: ScenarioOptions,
  script: (s: Scenario) => void,
): MitScenario {
  const run = async (seed: number): Promise<MitResult> => {
    const s = new Scenario(seed, options);
    script(s);
    s.finish();
    return { simulatedMs: s.now, traceHash: s.traceHash };
  };
  return { name, run };
}

/** The numbers from 0 to `count` - 1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
