import type { ChaosCluster } from "../chaos-cluster.ts";
import type { Exit } from "../../support/process.ts";
import { PATIENCE_MS } from "./fault.ts";

/**
 * Waits for node `id`, to which something deadly was done, to end in the way that `isRight` describes; any other way is a problem. False if it
 * goes on, since it need not come across what was done, for example while it is cut off; then it is killed. In any case it does not run.
 */
export async function comesToItsEnd(
  cluster: ChaosCluster,
  id: number,
  isRight: (exit: Exit) => boolean,
): Promise<boolean> {
  const { promise: tooLong, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), PATIENCE_MS);
  const exit = await Promise.race([cluster.process(id).exited, tooLong]);
  clearTimeout(timer);
  if (exit !== null && !isRight(exit)) {
    const last = exit.stderr.trim().split("\n").at(-1);
    cluster.problems.push(`node ${id} ended wrongly, with ${exit.signal ?? exit.code}: ${last}`);
  }
  await cluster.kill(id);
  return exit !== null;
}

/** The end of a node whose storage has failed for this reason. */
export function failedStorage(reason: RegExp): (exit: Exit) => boolean {
  return ({ code, stderr }) => code === 1 && reason.test(stderr);
}
