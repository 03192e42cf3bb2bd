import { checkHistory, checkRegister } from "./histories.ts";
import { checkLiveness } from "./liveness.ts";
import { drawWholePlan, type WholePlan } from "./plan.ts";
import { type WholeResult, WholeSimulation } from "./simulation.ts";

export interface WholeRunOptions {
  readonly seed: number;
  /** Events of the first phase, under faults. */
  readonly events: number;
  /** Changes what the seed has drawn. */
  readonly adjust?: (plan: WholePlan) => WholePlan;
  /** The server that reaches this storage operation or message, counted over the whole run from 1, crashes there. */
  readonly crashAt?: number;
  /** Receives a line for everything that happens, in order. */
  readonly record?: (line: string) => void;
}

/**
 * Runs one seed with whole servers: `RaftNode`, `KvStateMachine` and `KvraftClient` as they are, over simulated storage, network and time. First under
 * faults; then all faults end, and the cluster must elect a leader, serve, converge, be quiet and stop. At last the clients' histories are judged.
 *
 * @throws Violation
 */
export async function runWhole(options: WholeRunOptions): Promise<WholeResult> {
  const { seed, events, adjust, crashAt, record } = options;
  const drawn = drawWholePlan(seed);
  const simulation = new WholeSimulation(adjust?.(drawn) ?? drawn, crashAt ?? null, record ?? null);
  await simulation.runEvents(events);
  simulation.heal();
  await checkLiveness(simulation);
  checkHistory(simulation.callers.history());
  checkRegister(simulation.registers.history());
  return simulation.result();
}
