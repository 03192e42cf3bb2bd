// More than the cluster can do, and what becomes of it then: pnpm overload
import { integer } from "../../../src/flags.ts";
import { formatTable } from "../../../src/format/table.ts";
import { distributionOf } from "../support/distribution.ts";
import { runTool } from "../support/tool.ts";
import { type OverloadReport, type Phase, overload } from "./overload.ts";

const FACTORS = [0.5, 1, 2, 3];
/** Of the best goodput, what there should be at any higher rate. */
const MIN_SHARE = 0.8;
const MAX_RECOVERY_MS = 2000;

await runTool({
  name: "overload",
  about: [
    "Finds out how many puts in a second three nodes can do, and then offers half of that, as much, twice and three times as much, whether\nor not the ones before were answered. Whoever gets no answer in time gives up, and somebody else comes. Then the load falls to half again.",
    "Prints how many puts in a second were acknowledged in time (goodput) at each rate, and how long after the fall puts were still late.\nGoodput should stay near its best however much is offered.",
  ],
  flags: {
    seconds: integer({
      help: "how long each rate is offered (default 10)",
      min: 2,
      max: 3600,
      fallback: { value: 10 },
    }),
    clients: integer({
      help: "clients, each with a connection to every node (default 16)",
      min: 1,
      max: 256,
      fallback: { value: 16 },
    }),
    "deadline-ms": integer({
      help: "after which a caller gives up (default 1000)",
      min: 10,
      max: 60_000,
      fallback: { value: 1000 },
    }),
    "value-bytes": integer({
      help: "bytes of each value (default 32768: it costs the nodes more than whoever offers it)",
      min: 1,
      max: 65_536,
      fallback: { value: 32_768 },
    }),
    "nodes-on": integer<null>({
      help: "the processor that all nodes share, by taskset of Linux: so the clients do not slow them down (default: any)",
      min: 0,
      max: 1023,
      fallback: { value: null },
    }),
    capacity: integer<null>({
      help: "puts in a second that the nodes can do (default: it is measured)",
      min: 1,
      max: 1_000_000,
      fallback: { value: null },
    }),
  },
  limitMinutes: ({ seconds }) => 3 + seconds / 5,
  run: async (
    { seconds, clients, "deadline-ms": deadlineMs, "value-bytes": valueBytes, "nodes-on": nodesOn, capacity },
    say,
  ) => {
    const report = await overload({
      factors: FACTORS,
      phaseMs: seconds * 1000,
      clients,
      deadlineMs,
      valueBytes,
      nodesOn,
      capacity,
      flags: [],
      say,
    });
    return { report: reportLines(report), problems: report.problems, missed: missedBy(report) };
  },
});

function missedBy({ phases, recoveryMs }: OverloadReport): readonly string[] {
  const best = Math.max(...phases.map(({ goodputPerSecond }) => goodputPerSecond));
  const poor = phases.filter(
    ({ factor, goodputPerSecond }) => factor > 1 && goodputPerSecond < MIN_SHARE * best,
  );
  return [
    ...poor.map(
      ({ factor, goodputPerSecond }) =>
        `at ${factor} times the capacity goodput was ${percent(goodputPerSecond / best)} of the best; the goal is ${percent(MIN_SHARE)}`,
    ),
    ...(recoveryMs !== null && recoveryMs <= MAX_RECOVERY_MS
      ? []
      : [
          `puts were late for ${recovery(recoveryMs)} after the load had fallen; the goal is ${MAX_RECOVERY_MS} ms`,
        ]),
  ];
}

function reportLines({ phases, after, recoveryMs, elections }: OverloadReport): readonly string[] {
  const best = Math.max(...phases.map(({ goodputPerSecond }) => goodputPerSecond));
  const row = (name: string, phase: Phase): string[] => {
    const distribution = distributionOf(phase.latencies);
    return [
      name,
      phase.offeredPerSecond.toFixed(0),
      phase.goodputPerSecond.toFixed(0),
      percent(phase.goodputPerSecond / best),
      ...[distribution?.p50, distribution?.p99, distribution?.max].map((ms) => ms?.toFixed(0) ?? "-"),
      [...phase.answers].map(([answer, count]) => `${answer} ${count}`).join(", "),
    ];
  };
  const titles = ["offered/s", "goodput/s", "of best", "p50 ms", "p99 ms", "max ms"];
  return [
    ...formatTable(
      [
        { title: "load", align: "left" },
        ...titles.map((title) => ({ title, align: "right" as const })),
        { title: "attempts", align: "left" },
      ],
      [...phases.map((phase) => row(`${phase.factor} x`, phase)), row(`then ${after.factor} x`, after)],
    )
      .trimEnd()
      .split("\n"),
    "",
    `puts were late for ${recovery(recoveryMs)} after the load had fallen; elections: ${elections}`,
  ];
}

function recovery(ms: number | null): string {
  return ms === null ? "as long as anybody looked" : `${ms.toFixed(0)} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`;
}
