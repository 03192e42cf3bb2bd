// pnpm crash-states: what a power loss, or rot, may leave of a log, all of it reopened. See --help.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { addAll, newTally } from "../test/crash/explore.ts";
import type { Job, Report } from "../test/crash/worker.ts";

const HELP = `Reopens what a power loss may leave of a write-ahead log, and what rot does.

  pnpm crash-states [--states N] [--seed S] [--workers W]
      Records random workloads and reopens N different disks that a power loss may leave of them, at any operation. Each must hold all
      that was acknowledged and nothing that was not written. Default: 100,000 disks, a random S, one worker for each processor.
      A failure names its seed: with it as S, --states 100000 and --workers 1 come back to it first.
  pnpm crash-states --rot [--kib K] [--seed S] [--workers W]
      Flips bits of every byte of a store of K KiB and cuts its files at every byte. Each must be detected, unless nothing was lost.
      Default: 64 KiB.`;

const { values } = parseArgs({
  options: {
    states: { type: "string", default: "100000" },
    seed: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    rot: { type: "boolean", default: false },
    kib: { type: "string", default: "64" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : count("seed", values.seed, 0);
  const workers = count("workers", values.workers, 1);
  if (values.rot) await rot(seed, workers, count("kib", values.kib, 32));
  else await crashStates(seed, workers, count("states", values.states, 1));
}

async function crashStates(seed: number, workers: number, states: number): Promise<void> {
  console.log(`seed ${seed}: ${number(states)} disks, ${workers} workers`);
  const began = performance.now();
  const total = newTally();
  let seeds = 0;
  await runAll(
    workers,
    (first) => {
      const images = Math.floor(states / workers) + (first < states % workers ? 1 : 0);
      return { type: "crash", seed: seed + first, step: workers, images };
    },
    (report) => {
      if (report.type !== "crash") return;
      const { tally } = report;
      seeds += 1;
      for (const key of ["states", "images", "lives", "operations", "points"] as const)
        total[key] += tally[key];
      addAll(total.kinds, tally.kinds);
      addAll(total.actions, tally.actions);
      progress(total.images, states);
    },
  );
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${number(total.images)} different disks reopened in ${seconds.toFixed(1)} s: ${number(total.images / seconds)} a second\n` +
      `${number(total.states)} crash states at ${number(total.points)} points of ${number(total.operations)} file operations\n` +
      `${number(seeds)} workloads with ${number(total.lives)} lives, each begun on what a power loss left of the one before`,
  );
  print("disks:", total.kinds);
  print("actions:", total.actions);
  finish("0 disks lost anything acknowledged or held anything else");
}

async function rot(seed: number, workers: number, kib: number): Promise<void> {
  const began = performance.now();
  const counts = new Map<string, number>();
  const sizes = new Set<number>();
  await runAll(
    workers,
    (first) => ({ type: "rot", seed, first, step: workers, minBytes: kib * 1024 }),
    (report) => {
      if (report.type !== "rot") return;
      sizes.add(report.sizeBytes);
      addAll(counts, report.counts);
    },
  );
  const seconds = (performance.now() - began) / 1000;
  const damages = [...counts.values()].reduce((sum, times) => sum + times, 0);
  const stores = [...sizes].map((size) => `${number(size)} bytes`).join(" and ");
  console.log(
    `seed ${seed}: a closed and a killed store (${stores}), ${number(damages)} damages in ${seconds.toFixed(1)} s`,
  );
  print("each byte flipped and each file cut at each byte:", counts);
  finish("0 WRONG");
}

async function runAll(
  workers: number,
  jobOf: (worker: number) => Job,
  onReport: (report: Report) => void,
): Promise<void> {
  const jobs = Array.from({ length: workers }, (_, worker) => jobOf(worker));
  await Promise.all(jobs.map((job) => work(job, onReport)));
}

async function work(job: Job, onReport: (report: Report) => void): Promise<void> {
  const worker = new Worker(new URL("../test/crash/worker.ts", import.meta.url), { workerData: job });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on("message", (report: Report) => {
    if (report.type === "failure") {
      process.exitCode = 1;
      console.log(report.text);
    }
    onReport(report);
  });
  worker.on("error", reject);
  worker.on("exit", () => resolve());
  await promise;
}

function print(title: string, counts: ReadonlyMap<string, number>): void {
  console.log(title);
  for (const [kind, times] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`  ${kind.padEnd(52)} ${number(times).padStart(10)}`);
  }
}

function finish(success: string): void {
  console.log(process.exitCode === 1 ? "FAILED, see above" : success);
}

function progress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${number(done)} of ${number(all)} `);
}

function count(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  console.error(`--${name} ${text}: an integer from ${min} on is needed`);
  process.exit(2);
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}
