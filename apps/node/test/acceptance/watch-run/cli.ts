// Real processes, and kill -9 of whoever leads, under the eyes of watchers: pnpm watch-run
import { DEFAULT_MAX_HISTORY_CHANGES } from "@eraft/kv";
import { integer } from "../../../src/flags.ts";
import { formatTable } from "../../../src/format/table.ts";
import { runTool } from "../support/tool.ts";
import { type WatchRunReport, watchRun } from "./watch-run.ts";

await runTool({
  name: "watch-run",
  about: [
    "Writes changes to three nodes while the leader is killed with SIGKILL every two seconds and comes back, under the eyes of watchers.",
    "Each watcher must be told every change that concerns it, once and in order: as the writers were told that they made them.\nOne that asks for what is not kept any more must be told so.",
  ],
  flags: {
    changes: integer({
      help: "changes (default 100000)",
      min: 1,
      max: 10_000_000,
      fallback: { value: 100_000 },
    }),
    watchers: integer({ help: "watchers (default 10)", min: 1, max: 100, fallback: { value: 10 } }),
    writers: integer({
      help: "writers, each with one call at a time; every other one over a stream (default 256)",
      min: 1,
      max: 2048,
      fallback: { value: 256 },
    }),
    "kill-every-ms": integer({
      help: "from one kill to the next (default 2000)",
      min: 100,
      max: 600_000,
      fallback: { value: 2000 },
    }),
  },
  limitMinutes: ({ changes }) => 5 + changes / 2000,
  run: async ({ changes, watchers, writers, "kill-every-ms": killEveryMs }, say) => {
    const report = await watchRun({ changes, watchers, writers, killEveryMs, flags: [], say });
    return {
      report: linesOf(report),
      problems: [
        ...report.problems,
        ...(changes > DEFAULT_MAX_HISTORY_CHANGES && report.compacted === null
          ? ["all changes are kept, although they are more than a server keeps"]
          : []),
      ],
      missed: [],
    };
  },
});

function linesOf({ changes, kills, seconds, watchers, compacted }: WatchRunReport): readonly string[] {
  const rows = watchers.map(({ name, changes, streams }) => [name, String(changes), String(streams)]);
  const table = formatTable(
    [
      { title: "watcher", align: "left" },
      { title: "changes told", align: "right" },
      { title: "streams", align: "right" },
    ],
    rows,
  );
  return [
    ...table.trimEnd().split("\n"),
    "",
    `${changes} revisions in ${seconds.toFixed(1)} s, the leader was killed ${kills} times`,
    `asked for revision 1 after that: ${compacted ?? "all is kept"}`,
  ];
}
