// Many rounds of `kill -9` under load, with figures: pnpm kill-rounds --rounds 200 --storage wal --state level
import { parseArgs } from "node:util";
import { killRounds } from "./kill-rounds.ts";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    rounds: { type: "string", default: "20" },
    clients: { type: "string", default: "32" },
    storage: { type: "string", default: "wal" },
    state: { type: "string", default: "memory" },
  },
});

const began = performance.now();
const report = await killRounds({
  rounds: Number(values.rounds),
  clients: Number(values.clients),
  flags: ["--storage", values.storage, ...(values.state === "memory" ? [] : ["--state", values.state])],
  onRound: (round, { acknowledged, worstOutageMs, equalRounds }) => {
    const progress = `round ${round} of ${values.rounds}: ${acknowledged} acknowledged, worst outage ${worstOutageMs} ms, equal states after ${equalRounds} rounds`;
    if (process.stderr.isTTY) process.stderr.write(`\r${progress} `);
    else if (round % 10 === 0) console.log(progress);
  },
});
if (process.stderr.isTTY) process.stderr.write("\n");
console.log(report);
console.log(`${Math.round((performance.now() - began) / 1000)} s; ${report.faults.length} faults`);
process.exitCode = report.faults.length === 0 ? 0 : 1;
