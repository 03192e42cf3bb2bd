// Real processes, and kill -9 of whoever leads: pnpm failover --kills 100
import { integer } from "../../../src/flags.ts";
import { distributionOf } from "../support/distribution.ts";
import { distributionTable, loadLines } from "../support/report-lines.ts";
import { runTool } from "../support/tool.ts";
import { type FailoverReport, failover } from "./failover.ts";

await runTool({
  name: "failover",
  about: [
    "Kills the leader of three nodes with SIGKILL under load, at default settings, and starts it again, many times over.",
    "Prints the time from each kill to the first acknowledged write that was begun after it, and how many elections it took.\nEvery operation is recorded, and the history must be linearizable.",
  ],
  flags: {
    kills: integer({ help: "how often (default 100)", min: 1, max: 10_000, fallback: { value: 100 } }),
    clients: integer({
      help: "clients, each with one call at a time (default 8)",
      min: 1,
      max: 256,
      fallback: { value: 8 },
    }),
    "think-ms": integer({
      help: "a client rests for up to N ms between two calls (default 20)",
      min: 0,
      max: 1000,
      fallback: { value: 20 },
    }),
    "goal-ms": integer({
      help: "half of the repairs should not take longer (default 250)",
      min: 1,
      max: 60_000,
      fallback: { value: 250 },
    }),
  },
  limitMinutes: ({ kills }) => 5 + kills / 4,
  run: async ({ kills, clients, "think-ms": maxThinkMs, "goal-ms": goalMs }, say) => {
    const report = await failover({ kills, clients, maxThinkMs, maxRestMs: 500, flags: [], say });
    const repairs = report.failovers.map(({ repairMs }) => repairMs);
    const { p50 = Infinity } = distributionOf(repairs) ?? {};
    return {
      report: [
        ...distributionTable("from kill -9 to the first write, ms", { "all kills": repairs }),
        "",
        electionLine(report),
        ...loadLines(report.load),
      ],
      problems: report.problems,
      missed:
        p50 <= goalMs
          ? []
          : [`half of the repairs took longer than ${p50.toFixed(0)} ms; the goal is ${goalMs}`],
    };
  },
});

function electionLine({ failovers }: FailoverReport): string {
  const counts = new Map<number, number>();
  for (const { elections } of failovers) counts.set(elections, (counts.get(elections) ?? 0) + 1);
  const parts = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([elections, kills]) => `${elections} after ${kills} kills`);
  return `elections: ${parts.join(", ")}`;
}
