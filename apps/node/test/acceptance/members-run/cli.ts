// Real processes, and members that come and go: pnpm members-run
import { integer } from "../../../src/flags.ts";
import { formatTable } from "../../../src/format/table.ts";
import { loadLines } from "../support/report-lines.ts";
import { runTool } from "../support/tool.ts";
import { type MembersRunReport, membersRun } from "./members-run.ts";

await runTool({
  name: "members-run",
  about: [
    "One node under load grows to 3 and to 5, every node is replaced one after another (other id, other address, empty disk), and the cluster\nshrinks back to one, all by the commands that operators use.",
    "Every operation of the clients is counted and recorded: none may fail, and the history must be linearizable.",
  ],
  flags: {
    clients: integer({
      help: "clients, each with one call at a time (default 32)",
      min: 1,
      max: 256,
      fallback: { value: 32 },
    }),
    "think-ms": integer({
      help: "a client rests for up to N ms between two calls (default 20)",
      min: 0,
      max: 1000,
      fallback: { value: 20 },
    }),
    "snapshot-bytes": integer({
      help: "as of eraft serve: low enough that new nodes get snapshots (default 200000)",
      min: 1,
      max: 2 ** 40,
      fallback: { value: 200_000 },
    }),
  },
  limitMinutes: () => 15,
  run: async ({ clients, "think-ms": maxThinkMs, "snapshot-bytes": snapshotBytes }, say) => {
    const flags = ["--snapshot-bytes", String(snapshotBytes)];
    const report = await membersRun({ clients, maxThinkMs, sizes: [3, 5], flags, say });
    return {
      report: [...stepLines(report), "", ...loadLines(report.load)],
      problems: report.problems,
      missed: [],
    };
  },
});

function stepLines({ steps }: MembersRunReport): readonly string[] {
  const rows = steps.map(({ what, voters, from, to, silence, operation }) => [
    what,
    voters.join(" "),
    ...[to - from, silence, operation].map((ms) => ms.toFixed(0)),
  ]);
  const numbers = ["took ms", "pause ms", "longest operation ms"];
  return formatTable(
    [
      { title: "change", align: "left" },
      { title: "voters", align: "left" },
      ...numbers.map((title) => ({ title, align: "right" as const })),
    ],
    rows,
  )
    .trimEnd()
    .split("\n");
}
