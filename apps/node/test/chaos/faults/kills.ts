import type { Fault } from "./fault.ts";

/** SIGKILL to one node. */
export const kill: Fault = {
  kind: "kill",
  unavailable: null,
  strike: async ({ cluster, random, hold }) => {
    const victim = random.pick(cluster.network.nodes);
    await cluster.kill(victim);
    await hold();
    await cluster.restart(victim);
    return 1;
  },
};

/** SIGKILL to all nodes at once: nothing is left but what is on disk. */
export const killAll: Fault = {
  kind: "kill all",
  unavailable: null,
  strike: async ({ cluster, random }) => {
    await Promise.all(cluster.running.map((id) => cluster.kill(id)));
    await Promise.all(random.shuffled(cluster.network.nodes).map((id) => cluster.restart(id)));
    return 1;
  },
};
