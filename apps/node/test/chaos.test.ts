import { expect, onTestFinished, test } from "vitest";
import { rm } from "node:fs/promises";
import { chaos } from "./chaos/chaos.ts";
import { formatReport } from "./chaos/report.ts";

// Longer, and with figures: pnpm chaos --minutes 10
test("under every kind of fault that this machine permits, clients see one store, and nothing acknowledged is lost", async () => {
  const report = await chaos({ minutes: 0.3, nodes: 3, seed: 1, holdMs: 500 });
  console.log(formatReport(report));
  expect(report.problems).toEqual([]);
  expect(report.verdict).toBe("linearizable");
  for (const { kind, count, unavailable } of report.faults) {
    expect(unavailable === null ? count : unavailable, kind).toBeTruthy();
  }
  expect(report.acknowledged).toBeGreaterThan(0);
}, 600_000);

test("the verdict can be another one: nodes that forget everything when they are killed are found out", async () => {
  const report = await chaos({
    minutes: 0.03,
    nodes: 3,
    seed: 1,
    holdMs: 700,
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400"],
    storage: "memory",
    choose: (faults) => ({ network: [], process: faults.process.filter(({ kind }) => kind === "kill all") }),
  });
  onTestFinished(() => rm(report.evidence ?? "", { recursive: true, force: true }));
  expect(report.verdict).toBe("illegal");
  expect(report.problems).toContainEqual(expect.stringMatching(/^lost: /));
  expect(report.evidence).not.toBeNull();
}, 300_000);
