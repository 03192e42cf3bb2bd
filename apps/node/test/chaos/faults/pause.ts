import { Keeper } from "../keeper.ts";
import type { Fault } from "./fault.ts";

/** SIGSTOP, and SIGCONT some time later: the node wakes up in a world that has gone on, and does not know. */
export const pause: Fault = {
  kind: "pause",
  unavailable: null,
  strike: async ({ cluster, random, hold }) => {
    const victim = random.pick(cluster.network.nodes);
    const { pid } = cluster.process(victim);
    // A stopped process cannot notice that we are gone, so somebody else has to wake it then.
    const keeper = await Keeper.hold('kill -STOP "$A"', 'kill -CONT "$A"', String(pid));
    await hold();
    await keeper.release();
    return 1;
  },
};
