// Goes through its part of the crash states, or of the rot, and posts what it found.
import { parentPort, workerData } from "node:worker_threads";
import { type Tally, explore, newTally } from "./explore.ts";
import { Random } from "./random.ts";
import { damageAll, rotStore } from "./rot.ts";

export type Job =
  | { readonly type: "crash"; readonly seed: number; readonly step: number; readonly images: number }
  | {
      readonly type: "rot";
      readonly seed: number;
      readonly first: number;
      readonly step: number;
      readonly minBytes: number;
    };

export type Report =
  | { readonly type: "crash"; readonly tally: Tally }
  | { readonly type: "rot"; readonly sizeBytes: number; readonly counts: ReadonlyMap<string, number> }
  | { readonly type: "failure"; readonly text: string };

/** All bits of one byte in eight. */
const ALL_BITS_ONE_IN = 8;

const job = workerData as Job;
try {
  if (job.type === "crash") await crash(job);
  else await rot(job);
} catch (error) {
  post({ type: "failure", text: error instanceof Error ? error.message : String(error) });
}

/** One report for each seed. */
async function crash({ seed, step, images }: Job & { type: "crash" }): Promise<void> {
  let left = images;
  for (let next = seed; left > 0; next += step) {
    const tally = newTally();
    const most = left;
    await explore(next, tally, () => tally.images >= most);
    left -= tally.images;
    post({ type: "crash", tally });
  }
}

async function rot({ seed, first, step, minBytes }: Job & { type: "rot" }): Promise<void> {
  for (const closed of [true, false]) {
    const store = await rotStore(seed, minBytes, closed);
    const counts = new Map<string, number>();
    await damageAll(store, { first, step, allBitsOneIn: ALL_BITS_ONE_IN }, new Random(seed + first), counts);
    post({ type: "rot", sizeBytes: store.sizeBytes, counts });
  }
}

function post(report: Report): void {
  parentPort?.postMessage(report);
}
