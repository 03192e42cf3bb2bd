import type { Fault } from "./fault.ts";

const PRELOAD = new URL("../clock-rate.ts", import.meta.url);

/** A node's clocks and timers run slow or fast. It is restarted for that, and again for the end of it. */
export const clockRate: Fault = {
  kind: "clock rate",
  unavailable: null,
  strike: async ({ cluster, random, hold }) => {
    const victim = random.pick(cluster.network.nodes);
    const rate = random.pick([0.25, 0.5, 0.9, 1.1, 2, 4]);
    await cluster.kill(victim, "SIGTERM");
    await cluster.restart(victim, { nodeArgs: ["--import", `${PRELOAD.href}?rate=${rate}`] });
    await hold();
    await cluster.kill(victim, "SIGTERM");
    await cluster.restart(victim);
    return 1;
  },
};
