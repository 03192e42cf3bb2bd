// pnpm mit: the 47 tests of the 6.824 Raft and key-value labs on virtual time, many seeds each. See --help.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { MIT_SCENARIOS, rerunCommand } from "../test/mit/all.ts";
import type { MitJob, MitReport } from "./mit-worker.ts";

const HELP = `Runs the tests of the 6.824 Raft and key-value labs on virtual time, with every invariant checked after every step.

  pnpm mit [--seeds N] [--seed S] [--only TEXT] [--workers W]
      Runs seeds S, S+1, ... S+N-1 of each scenario whose name contains TEXT.
      Default: 100 seeds, a random S, all 47 scenarios, one worker for each processor.`;

/** Seeds in one job: few enough that all workers end at about the same time. */
const JOB_SEEDS = 25;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string" },
    only: { type: "string", default: "" },
    workers: { type: "string", default: String(availableParallelism()) },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : count("seed", values.seed, 0);
  const seeds = count("seeds", values.seeds, 1);
  const names = MIT_SCENARIOS.map(({ name }) => name).filter((name) => name.includes(values.only));
  if (names.length === 0) fail(`--only ${values.only}: no scenario has that in its name`);
  const jobs = names.flatMap((name) => jobsOf(name, first, seeds));
  const workers = Math.min(count("workers", values.workers, 1), jobs.length);
  console.log(`${names.length} scenarios, seeds ${first} to ${first + seeds - 1}, ${workers} workers`);
  const began = performance.now();
  const reports: MitReport[] = [];
  await Promise.all(Array.from({ length: workers }, () => work(jobs, reports)));
  print(names, reports);
  const failures = reports.flatMap(({ failures }) => failures);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${names.length * seeds} runs in ${seconds.toFixed(1)} s, ${failures.length} failures`);
  if (failures.length > 0) process.exitCode = 1;
}

function jobsOf(name: string, first: number, seeds: number): MitJob[] {
  const jobs = [];
  for (let at = 0; at < seeds; at += JOB_SEEDS) {
    const length = Math.min(JOB_SEEDS, seeds - at);
    jobs.push({ name, seeds: Array.from({ length }, (_, next) => first + at + next) });
  }
  return jobs;
}

/** One worker, which takes jobs until there are none. */
async function work(jobs: MitJob[], reports: MitReport[]): Promise<void> {
  const worker = new Worker(new URL("mit-worker.ts", import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const next = (): void => {
    const job = jobs.shift();
    if (job === undefined) resolve();
    else worker.postMessage(job);
  };
  worker.on("message", (report: MitReport) => {
    reports.push(report);
    if (process.stderr.isTTY) process.stderr.write(`\r${jobs.length} jobs left `);
    next();
  });
  worker.on("error", reject);
  next();
  try {
    await promise;
  } finally {
    await worker.terminate();
  }
}

function print(names: readonly string[], reports: readonly MitReport[]): void {
  const width = Math.max(...names.map(({ length }) => length));
  if (process.stderr.isTTY) process.stderr.write("\r");
  console.log(`${"scenario".padEnd(width)}  seeds  simulated s  real s  failures`);
  for (const name of names) {
    const own = reports.filter((report) => report.name === name);
    const sum = (of: (report: MitReport) => number): number =>
      own.reduce((sum, report) => sum + of(report), 0);
    const failures = own.flatMap(({ failures }) => failures);
    const columns = [
      name.padEnd(width),
      String(sum(({ seeds }) => seeds)).padStart(5),
      (sum(({ simulatedMs }) => simulatedMs) / 1000).toFixed(0).padStart(11),
      (sum(({ realMs }) => realMs) / 1000).toFixed(2).padStart(6),
      String(failures.length).padStart(8),
    ];
    console.log(columns.join("  "));
    for (const { seed, message } of failures.slice(0, 3)) {
      console.log(`    ${message}\n    again: ${rerunCommand(name, seed)}`);
    }
  }
}

function count(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min)
    fail(`--${name} ${text}: an integer from ${min} on is needed`);
  return value;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
