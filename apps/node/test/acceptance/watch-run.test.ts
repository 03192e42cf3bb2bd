import { expect, test } from "vitest";
import { watchRun } from "./watch-run/watch-run.ts";

// With the product's timers, a hundred thousand changes and ten watchers: pnpm watch-run
test("no watcher loses, repeats or reorders a change while leaders are killed", async () => {
  const report = await watchRun({
    changes: 600,
    writers: 8,
    watchers: 5,
    killEveryMs: 300,
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400"],
    say: () => {},
  });
  expect(report.problems).toEqual([]);
  expect(report.changes).toBe(601);
  expect(report.kills).toBeGreaterThan(0);
  for (const { changes } of report.watchers) expect(changes).toBeGreaterThan(0);
}, 120_000);
