import { drawPlan, type Plan } from "./plan.ts";
import { type RunResult, Simulation } from "./simulation.ts";
import type { Action } from "./actions.ts";
import { mustHold } from "./violation.ts";

/** How long a healed cluster may take, in the longest election timeouts of its plan. */
const CONVERGE_TIMEOUTS = 60;

export interface RunOptions {
  readonly seed: number;
  /** Events of the first phase, under faults. */
  readonly events: number;
  /** Receives every action, in order. */
  readonly record?: (action: Action) => void;
}

/**
 * Runs one seed. First the safety phase, under faults; then the liveness phase: all faults end but the dead disks, and the cluster must elect a leader,
 * bring every server up to date, serve writes and reads, and then be quiet. Throws Violation.
 */
export function run({ seed, events, record }: RunOptions): RunResult {
  const plan = drawPlan(seed);
  const simulation = new Simulation(plan, record ?? null);
  simulation.runEvents(events);
  simulation.heal();
  converge(simulation, plan);
  return simulation.result();
}

function converge(simulation: Simulation, plan: Plan): void {
  const { ledger, cluster, faults, checker } = simulation;
  const timeoutMs = longestTimeoutMs(plan);
  const before = { writes: ledger.writes, reads: ledger.reads };
  const served = (): boolean => ledger.writes >= before.writes + 10 && ledger.reads >= before.reads + 10;
  mustHold(
    simulation.runFor(CONVERGE_TIMEOUTS * timeoutMs, served),
    "Liveness: Serves",
    () =>
      `${ledger.writes - before.writes} writes within ${CONVERGE_TIMEOUTS} election timeouts after healing`,
  );
  const alive = cluster.nodes.filter(({ id }) => !faults.isDead(id));
  const target = checker.history.length;
  mustHold(
    simulation.runFor(CONVERGE_TIMEOUTS * timeoutMs, () =>
      alive.every(({ machine }) => machine.index >= target),
    ),
    "Liveness: Converges",
    () =>
      `after healing, servers are at ${alive.map(({ machine }) => machine.index).join(", ")} of ${target}`,
  );
  mustHold(
    checker.history.length >= ledger.acknowledged,
    "Acknowledged Is Kept",
    () => `acknowledged up to ${ledger.acknowledged}, history ends at ${checker.history.length}`,
  );
}

function longestTimeoutMs({ configs, tickMs, network, disk }: Plan): number {
  const ticks = Math.max(...configs.map(({ electionTimeoutTicksMax }) => electionTimeoutTicksMax));
  // A round trip and a write belong to every step of an election, however short the timeouts are.
  return (
    ticks * tickMs + 4 * (network.delayMsMin + network.delayMsMean + disk.writeMsMean + disk.applyMsMean)
  );
}
