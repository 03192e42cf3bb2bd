import type { Exit } from "../../support/process.ts";
import { Tracer } from "../tracer.ts";
import { type Fault, PATIENCE_MS, type Scene } from "./fault.ts";
import { comesToItsEnd, failedStorage } from "./own-end.ts";

const SYNCS = "fdatasync,fsync";
/** What a node does to its files. */
const FILE_CALLS = `${SYNCS},pwrite64,pwritev,openat,rename,ftruncate,unlink`;

/** `fdatasync` answers EIO. The node must take nothing for durable any more: it ends. */
export const failedSync = (unavailable: string | null): Fault => ({
  kind: "failed fdatasync",
  unavailable,
  strike: (scene) => strikeDead(scene, SYNCS, "error=EIO", failedStorage(/EIO|Input\/output error/)),
});

/** SIGKILL at one of the next system calls on files, before it is done: in the middle of a write, a rename, a snapshot. */
export const killAtCall = (unavailable: string | null): Fault => ({
  kind: "kill at a file call",
  unavailable,
  strike: (scene) => {
    // strace counts for each thread on its own.
    const nth = Math.round(scene.random.magnitude(1, 60));
    return strikeDead(scene, FILE_CALLS, `signal=KILL:when=${nth}`, ({ signal }) => signal === "SIGKILL");
  },
});

/** `fdatasync` takes its time: the disk hangs, the rest of the node does not. */
export const slowSync = (unavailable: string | null): Fault => ({
  kind: "slow fdatasync",
  unavailable,
  strike: async ({ cluster, random, hold }) => {
    const { pid } = cluster.process(random.pick(cluster.network.nodes));
    const delayUs = Math.round(random.magnitude(10_000, 2_000_000));
    const tracer = await Tracer.attach(pid, SYNCS, `delay_enter=${delayUs}`);
    try {
      await hold();
      return (await tracer.didInject(PATIENCE_MS)) ? 1 : 0;
    } finally {
      await tracer.detach();
    }
  },
});

/** Has system calls of a node injected with what ends it, and restarts it some time after its end. */
async function strikeDead(
  { cluster, random, hold }: Scene,
  calls: string,
  what: string,
  isRight: (exit: Exit) => boolean,
): Promise<number> {
  const victim = random.pick(cluster.network.nodes);
  cluster.expectEnd(victim);
  const tracer = await Tracer.attach(cluster.process(victim).pid, calls, what);
  let ended: boolean;
  try {
    ended = await comesToItsEnd(cluster, victim, isRight);
  } finally {
    await tracer.detach();
  }
  if (ended) await hold();
  await cluster.restart(victim);
  return ended ? 1 : 0;
}
