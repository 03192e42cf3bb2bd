// Real processes, real faults, a verdict: pnpm chaos --minutes 10 [--storage level]
// Exit code 1 for a bad verdict, 2 for bad arguments, 3 when all is done and something keeps this process from ending.
import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";
import { formatReport, isGood } from "./report.ts";
import { endOrSay } from "./still-alive.ts";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    minutes: { type: "string", default: "2" },
    nodes: { type: "string", default: "3" },
    storage: { type: "string", default: "wal" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
  },
});

/** A whole or fractional number in a range; ends the process if it is none. */
function numberOf(name: "minutes" | "nodes" | "seed", min: number, max: number): number {
  const number = Number(values[name]);
  if (number >= min && number <= max) return number;
  console.error(`--${name} ${values[name]}: not a number from ${min} to ${max}`);
  process.exit(2);
}

const { storage } = values;
if (storage !== "wal" && storage !== "level") {
  console.error(`--storage ${storage}: not wal or level`);
  process.exit(2);
}

const report = await chaos({
  storage,
  minutes: numberOf("minutes", 0, 100_000),
  nodes: numberOf("nodes", 3, 7),
  seed: numberOf("seed", 0, 2 ** 31),
  holdMs: 2_000,
  onPhase: (what) => console.log(what),
  onProgress: ({ elapsedMs, tally, faults }) => {
    const now = faults.length === 0 ? "no fault" : faults.join(" and ");
    const { acknowledged, unknown, failed } = tally;
    console.log(
      `${Math.round(elapsedMs / 1000)} s: ${acknowledged} acknowledged, ${unknown} unknown, ${failed} failed; ${now}`,
    );
  },
});
console.log(formatReport(report));
process.exitCode = isGood(report) ? 0 : 1;
endOrSay(10_000);
