import type { Step } from "../cluster/actions.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Checker } from "../invariants/checker.ts";
import { Ledger } from "./ledger.ts";
import type { Plan } from "./plan.ts";

/**
 * Carries out recorded actions, with all checks of safety. Actions that have become impossible because others were left out do nothing. Returns what
 * goes wrong, null if nothing does.
 */
export function replay({ servers }: Plan, steps: readonly Step[]): Error | null {
  const { configs, identifies, clockRates } = servers;
  const checker: Checker = new Checker(() => cluster.nodes);
  const cluster: Cluster = new Cluster(configs, checker, {
    identifies,
    clockRate: (id) => clockRates[id] ?? 1,
  });
  const ledger = new Ledger();
  try {
    for (const step of steps) replayOne(cluster, ledger, step);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function replayOne(cluster: Cluster, ledger: Ledger, { action, at }: Step): void {
  if (action.type === "propose" || action.type === "read") ledger.call(action.id, action.node);
  if (action.type === "crash") ledger.crashed(action.node);
  const { node, outcomes } = cluster.perform(action, at);
  if (node === null) return;
  for (const outcome of outcomes) ledger.outcome(outcome, node.machine.index);
  if (action.type === "apply") ledger.applied(node.id, node.machine.index);
}
