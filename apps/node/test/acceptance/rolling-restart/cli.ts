// Real processes, restarted in turn: pnpm rolling-restart --rounds 10
import { integer } from "../../../src/flags.ts";
import { formatTable } from "../../../src/format/table.ts";
import { distributionTable, loadLines } from "../support/report-lines.ts";
import { runTool } from "../support/tool.ts";
import { type RollingRestartReport, rollingRestart } from "./rolling-restart.ts";

await runTool({
  name: "rolling-restart",
  about: [
    "Restarts three nodes one after another while clients write and read: SIGTERM, start, and on once the node has caught up.",
    "Prints how long clients had to wait at worst because of each restart: the longest time without an answer to anybody (a pause),\nand the longest that one operation took. Every operation is recorded, and the history must be linearizable.",
  ],
  flags: {
    rounds: integer({
      help: "restarts of each node (default 10)",
      min: 1,
      max: 1000,
      fallback: { value: 10 },
    }),
    clients: integer({
      help: "clients, each with one call at a time (default 32)",
      min: 1,
      max: 256,
      fallback: { value: 32 },
    }),
    "think-ms": integer({
      help: "a client rests for up to N ms between two calls; below 10 or so the machine is the limit (default 20)",
      min: 0,
      max: 1000,
      fallback: { value: 20 },
    }),
    "goal-ms": integer({
      help: "no pause should be longer (default 100)",
      min: 1,
      max: 60_000,
      fallback: { value: 100 },
    }),
  },
  limitMinutes: ({ rounds }) => 5 + rounds,
  run: async ({ rounds, clients, "think-ms": maxThinkMs, "goal-ms": goalMs }, say) => {
    const report = await rollingRestart({ rounds, clients, maxThinkMs, restMs: 1000, flags: [], say });
    const worst = Math.max(...report.restarts.map(({ silence }) => silence));
    return {
      report: [...restartLines(report), "", ...waitLines(report), "", ...loadLines(report.load)],
      problems: report.problems,
      missed: worst <= goalMs ? [] : [`a pause of ${worst.toFixed(0)} ms; the goal is ${goalMs}`],
    };
  },
});

function restartLines({ restarts }: RollingRestartReport): readonly string[] {
  const rows = restarts.map(({ node, wasLeader, silence, operation, from, to, heldUpMs }, at) => {
    const numbers = [silence, operation, to - from, heldUpMs].map((ms) => ms.toFixed(0));
    return [String(at + 1), `node ${node}`, wasLeader ? "leader" : "follower", ...numbers];
  });
  const numbers = ["pause ms", "operation ms", "back after ms", "tool held up ms"];
  return formatTable(
    [
      { title: "restart", align: "right" },
      { title: "of", align: "left" },
      { title: "as", align: "left" },
      ...numbers.map((title) => ({ title, align: "right" as const })),
    ],
    rows,
  )
    .trimEnd()
    .split("\n");
}

function waitLines({ restarts, rests }: RollingRestartReport): readonly string[] {
  const leaders = restarts.filter(({ wasLeader }) => wasLeader);
  const followers = restarts.filter(({ wasLeader }) => !wasLeader);
  const tables = (["silence", "operation"] as const).map((wait) => {
    const what =
      wait === "silence" ? "longest time without an answer to anybody, ms" : "longest operation, ms";
    return distributionTable(what, {
      "restart of the leader": leaders.map((restart) => restart[wait]),
      "restart of a follower": followers.map((restart) => restart[wait]),
      "second without a restart": rests.map((rest) => rest[wait]),
    });
  });
  return tables.flatMap((table, at) => (at === 0 ? table : ["", ...table]));
}
