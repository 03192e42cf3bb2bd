// A big snapshot over a link that breaks, while puts go on: pnpm big-snapshot --mib 256
import { integer } from "../../../src/flags.ts";
import { distributionOf } from "../support/distribution.ts";
import { distributionTable } from "../support/report-lines.ts";
import { runTool } from "../support/tool.ts";
import { type BigSnapshotReport, bigSnapshot } from "./big-snapshot.ts";

const MIB = 2 ** 20;
/** Begun anew after each of the cuts, the last of which comes after three quarters of the size, it would be 1.75 times that. */
const MAX_SENT_SHARE = 4 / 3;
const MAX_SLOWDOWN = 4;

await runTool({
  name: "big-snapshot",
  about: [
    "Fills three nodes with a big state, and adds a fourth one while small puts go on at a fixed rate. The link to it is cut three times while\nit is sent the snapshot, which has to go on where it broke off.",
    "Prints the latency of the puts before and meanwhile, bytes sent over the link, elections (none, if all is well) and seconds.",
  ],
  flags: {
    mib: integer({
      help: "size of the state in MiB, from 100 (default 256)",
      min: 100,
      max: 4096,
      fallback: { value: 256 },
    }),
    rate: integer({
      help: "puts in a second (default 1000)",
      min: 1,
      max: 100_000,
      fallback: { value: 1000 },
    }),
    "before-seconds": integer({
      help: "how long puts go on before the new node comes (default 20)",
      min: 1,
      max: 600,
      fallback: { value: 20 },
    }),
  },
  limitMinutes: ({ mib }) => 10 + mib / 16,
  run: async ({ mib, rate: putsPerSecond, "before-seconds": seconds }, say) => {
    const report = await bigSnapshot({
      sizeBytes: mib * MIB,
      putsPerSecond,
      beforeMs: seconds * 1000,
      maxSentShare: MAX_SENT_SHARE,
      flags: ["--snapshot-bytes", String(64 * MIB)],
      say,
    });
    const slowdown = slowdownOf(report);
    return {
      report: reportLines(report),
      problems: report.problems,
      missed:
        slowdown < MAX_SLOWDOWN
          ? []
          : [
              `p99 of put latency was ${slowdown.toFixed(1)} times that of before; the goal is under ${MAX_SLOWDOWN}`,
            ],
    };
  },
});

function slowdownOf({ before, during }: BigSnapshotReport): number {
  return (distributionOf(during)?.p99 ?? Infinity) / (distributionOf(before)?.p99 ?? 0);
}

function reportLines(report: BigSnapshotReport): readonly string[] {
  const { sizeBytes, sentBytes, tookMs, cuts, elections, before, during } = report;
  return [
    ...distributionTable("put latency, ms", { before, during }, (ms) => ms.toFixed(1)),
    `p99 ${slowdownOf(report).toFixed(1)} times that of before`,
    "",
    `state ${inMib(sizeBytes)}, sent ${inMib(sentBytes)} (${(sentBytes / sizeBytes).toFixed(2)} times as much), cut ${cuts} times`,
    `from the start of the new node until it voted: ${(tookMs / 1000).toFixed(1)} s; elections: ${elections}`,
  ];
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
