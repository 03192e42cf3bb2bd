// pnpm simulate: many clusters, each from one seed, every step checked. See --help.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, explain, tellWhole } from "./trace.ts";
import { Tally } from "./tally.ts";
import type { Job, Report } from "./worker.ts";

const HELP = `Simulates clusters on virtual time under faults and checks every step.

  pnpm simulate [--whole] [--runs N] [--seed S] [--steps M] [--workers W]
      Runs seeds S, S+1, ... S+N-1 with M events each, then heals each cluster and waits for it to converge.
      Default: 200 runs of 10,000 events, a random S, one worker for each processor.
  pnpm simulate [--whole] --replay S [--steps M]
      Runs seed S alone. If it fails, prints the shortest list of actions that still makes it fail.

  With --whole, the clusters are of whole servers: nodes with their state machine, over simulated storage, network and time, used by
  the real client. Default: 5,000 events each. A replay prints what happened last before the failure.`;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    seed: { type: "string" },
    steps: { type: "string" },
    whole: { type: "boolean", default: false },
    workers: { type: "string", default: String(availableParallelism()) },
    replay: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const { whole } = values;
const steps = count("steps", values.steps ?? (whole ? "5000" : "10000"), 1);

if (values.help) {
  console.log(HELP);
} else if (values.replay === undefined) {
  await simulate();
} else if (whole) {
  await replayWhole(count("replay", values.replay, 0), steps);
} else {
  replaySeed(count("replay", values.replay, 0), steps);
}

function count(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  console.error(`--${name} ${text}: an integer from ${min} on is needed`);
  process.exit(2);
}

function replaySeed(seed: number, events: number): void {
  const explanation = explain(seed, events);
  if (explanation === null) {
    console.log(`seed ${seed}: nothing is wrong in ${events} events`);
    return;
  }
  process.exitCode = 1;
  const { failure, trace, recorded } = explanation;
  console.log(`seed ${seed}: ${failure}`);
  if (trace === null) {
    console.log("No list of actions shows this: it is about what does not happen.");
    return;
  }
  console.log(`${trace.length} of ${recorded} actions are enough:`);
  for (const line of describe(trace)) console.log(`  ${line}`);
}

async function replayWhole(seed: number, events: number): Promise<void> {
  const { failure, lines } = await tellWhole(seed, events);
  for (const line of lines) console.log(line);
  console.log(
    failure === null ? `seed ${seed}: nothing is wrong in ${events} events` : `seed ${seed}: ${failure}`,
  );
  if (failure !== null) process.exitCode = 1;
}

async function simulate(): Promise<void> {
  const runs = count("runs", values.runs, 1);
  const workers = Math.min(count("workers", values.workers, 1), runs);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : count("seed", values.seed, 0);
  console.log(`seeds ${seed} to ${seed + runs - 1}, ${steps} events each, ${workers} workers`);
  const tally = new Tally(runs, `${whole ? "--whole " : ""}--steps ${steps}`);
  const jobs = Array.from({ length: workers }, (_, at) => ({
    first: seed + at,
    step: workers,
    runs: Math.ceil((runs - at) / workers),
    events: steps,
    whole,
  }));
  await Promise.all(jobs.map((job) => work(job, (report) => tally.add(report))));
  tally.print(workers);
}

async function work(job: Job, onReport: (report: Report) => void): Promise<void> {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: job });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on("message", onReport);
  worker.on("error", reject);
  worker.on("exit", () => resolve());
  await promise;
}
