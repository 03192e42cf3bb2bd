import { KV_SCENARIOS } from "./kv/index.ts";
import type { MitResult, MitScenario } from "./mit-scenario.ts";
import { RAFT_SCENARIOS } from "./raft/index.ts";

/** All 47 tests of the 6.824 labs that are about one Raft group. */
export const MIT_SCENARIOS: readonly MitScenario[] = [...RAFT_SCENARIOS, ...KV_SCENARIOS];

/** Runs one seed of one scenario by its name. */
export function runMit(name: string, seed: number): Promise<MitResult> {
  const scenario = MIT_SCENARIOS.find((scenario) => scenario.name === name);
  if (scenario === undefined) throw new RangeError(`there is no scenario ${name}`);
  return scenario.run(seed);
}

/** What shows a failure again. */
export function rerunCommand(name: string, seed: number): string {
  return `pnpm mit --only ${name} --seed ${seed} --seeds 1`;
}
