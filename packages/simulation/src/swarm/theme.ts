import type { Random } from "../random.ts";
import type { Plan } from "./plan.ts";

/**
 * What a run is about. Half of them are about anything; but where everything happens at once, some things hardly ever happen: many changes of the members
 * in a row need a network that lets them through, a stale read by a lease needs a leader that is cut off while it is read from, and logs that contradict
 * each other need leaders that are cut off while they are written to.
 */
export type Theme = "anything" | "elections" | "members" | "leases";

export function drawTheme(random: Random): Theme {
  return random.pick(["anything", "anything", "anything", "elections", "members", "leases"]);
}

/** The plan of a run about anything as it has to be for `theme`. */
export function themed(plan: Plan, theme: Theme, random: Random): Plan {
  switch (theme) {
    case "anything":
      return plan;
    case "elections":
      return aboutElections(plan, random);
    case "members":
      return aboutMembers(plan);
    case "leases":
      return aboutLeases(plan, random);
  }
}

/** Leaders that lose their office while they are written to, again and again. */
function aboutElections(plan: Plan, random: Random): Plan {
  const timeoutMs = longestTimeoutMs(plan);
  return {
    ...plan,
    network: {
      ...plan.network,
      delayMsMin: 0,
      delayMsMean: random.pick([1, 5]),
      loss: random.pick([0, 0.05]),
      partitionEveryMs: timeoutMs,
      partitionForMs: random.pick([1, 3]) * timeoutMs,
    },
    disk: { ...plan.disk, writeMsMean: random.pick([0.5, 5]), hang: 0 },
    process: {
      ...plan.process,
      crashEveryMs: random.pick([3, 10]) * timeoutMs,
      downForMs: random.pick([0.1, 2]) * timeoutMs,
      cutsOffLeader: random.pick([0.8, 1]),
    },
    // They go on writing to whoever leads no longer, which makes for long logs that nobody else has.
    workload: {
      ...plan.workload,
      clients: 3,
      thinkMsMean: 20,
      reads: 0.1,
      timeoutMs: timeoutMs / 8,
      stubbornness: 0.9,
    },
  };
}

/** Changes that come through, one after the other. */
function aboutMembers(plan: Plan): Plan {
  return {
    ...plan,
    network: { ...plan.network, delayMsMin: 0, delayMsMean: 2, loss: 0, partitionEveryMs: 20_000 },
    disk: { ...plan.disk, writeMsMean: 0.5, hang: 0 },
    workload: { ...plan.workload, clients: 2, thinkMsMean: 100 },
    operators: { ...plan.operators, changeEveryMs: 150 },
  };
}

/** Leaders that do not know that they are none any more, and clients who read from them. */
function aboutLeases(plan: Plan, random: Random): Plan {
  const timeoutMs = longestTimeoutMs(plan);
  return {
    ...plan,
    network: {
      ...plan.network,
      delayMsMin: 0,
      delayMsMean: random.pick([1, 5]),
      loss: 0,
      tail: random.pick([0, 0.05]),
      partitionEveryMs: random.pick([1, 2]) * timeoutMs,
      partitionForMs: random.pick([1, 2]) * timeoutMs,
    },
    disk: { ...plan.disk, writeMsMean: 0.5, hang: 0, compactAfterBytes: Infinity },
    process: {
      ...plan.process,
      crashEveryMs: random.pick([0.5, 2, Infinity]) * timeoutMs,
      downForMs: random.pick([1, 50]),
      cutsOffLeader: 0.6,
    },
    operators: {
      ...plan.operators,
      transferEveryMs: random.pick([1, 3, Infinity]) * timeoutMs,
      sabotage: 0.7,
    },
    // Whoever writes to a leader that is cut off soon looks for another one. Who only reads would go on.
    workload: {
      ...plan.workload,
      clients: 4,
      thinkMsMean: 30,
      reads: 0.8,
      leaseReads: 1,
      readsAnywhere: 0.9,
      timeoutMs: 200,
    },
  };
}

function longestTimeoutMs({ tickMs, servers }: Plan): number {
  return tickMs * Math.max(...servers.configs.map((one) => one.electionTimeoutTicksMax));
}
