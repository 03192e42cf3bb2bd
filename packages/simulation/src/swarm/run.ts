import type { Step } from "../cluster/actions.ts";
import { converge } from "./liveness.ts";
import { drawPlan } from "./plan.ts";
import { type RunResult, Simulation } from "./simulation.ts";

export interface RunOptions {
  readonly seed: number;
  /** Events of the first phase, under faults. */
  readonly events: number;
  /** Receives every action, in order. */
  readonly record?: (step: Step) => void;
}

/**
 * Runs one seed. First the safety phase, under faults; then the liveness phase: all faults end but the dead disks, and the cluster must elect a leader,
 * finish what it has begun, bring every server up to date, serve writes and reads, and then be quiet. Throws Violation.
 */
export function run({ seed, events, record }: RunOptions): RunResult {
  const plan = drawPlan(seed);
  const simulation = new Simulation(plan, record ?? null);
  simulation.runEvents(events);
  simulation.heal();
  converge(simulation);
  return simulation.result();
}
