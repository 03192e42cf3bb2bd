import type { Case } from "../common/case.ts";
import { Random } from "../common/random.ts";
import type { StorageSite, StorageSupport } from "./harness.ts";
import type { CaseMaker } from "./storage-case.ts";
import { CRAFTED_WORKLOAD, randomWorkload } from "./workload.ts";

const RANDOM_STEPS = 60;

/** Long sequences against the model: what no case above thought of. */
export function workloadCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return Array.from({ length: supports.randomWorkloads }, (_, seed) =>
    make("Storage", `a random workload is kept through reopenings (seed ${seed})`, async (subject) => {
      const random = new Random(seed);
      for (const step of randomWorkload(seed, RANDOM_STEPS)) {
        await subject.take(step);
        if (step.type === "commit") await subject.expectSnapshot();
        // A sink that is open would be given up.
        if (step.type !== "fill" && !subject.isFilling && random.oneIn(5)) await subject.reopen();
      }
      await subject.reopen();
    }),
  );
}

/** What a process leaves that died between two steps, without having closed anything. */
export function killCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  return [
    make(
      "Storage.write",
      "what was acknowledged survives a kill of the process after any step",
      async (subject) => {
        for (let length = 1; length <= CRAFTED_WORKLOAD.length; length += 1) {
          const step = CRAFTED_WORKLOAD[length - 1];
          if (step === undefined) return;
          await subject.take(step);
          // The sink dies with its process; the same steps without a kill in between are in the other cases.
          if (!subject.isFilling) await subject.killAndOpen();
        }
      },
    ),
    make(
      "Storage.open",
      "a storage that was killed often holds what one holds that was closed",
      async (subject) => {
        const random = new Random(7);
        for (const step of randomWorkload(7, RANDOM_STEPS)) {
          await subject.take(step);
          if (subject.isFilling) continue;
          const ending = random.below(3);
          if (ending === 0) await subject.killAndOpen();
          if (ending === 1) await subject.reopen();
        }
        await subject.reopen();
      },
    ),
    make(
      "SnapshotSink.commit",
      "a process that is killed with a filled sink leaves the old snapshot and the log",
      async (subject) => {
        for (const step of CRAFTED_WORKLOAD.slice(0, 9)) await subject.take(step);
        await subject.take({
          type: "fill",
          meta: { lastIncludedIndex: 5, lastIncludedTerm: 4 },
          chunks: [new Uint8Array(900)],
        });
        await subject.killAndOpen();
        await subject.take(...CRAFTED_WORKLOAD.slice(9, 13));
        await subject.reopen();
      },
    ),
  ];
}
