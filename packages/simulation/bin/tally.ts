import type { Report } from "./worker.ts";

/** Adds up what many runs report, and prints it. */
export class Tally {
  readonly #runs: number;
  /** What makes a run of one seed the same again. */
  readonly #flags: string;
  readonly #began = performance.now();
  readonly #coverage = new Map<string, number>();
  readonly #failures: { seed: number; failure: string }[] = [];
  #done = 0;
  #events = 0;
  #simulatedMs = 0;
  #writes = 0;
  #reads = 0;
  #unknown = 0;

  constructor(runs: number, flags: string) {
    this.#runs = runs;
    this.#flags = flags;
  }

  add(report: Report): void {
    this.#done += 1;
    if (report.failure === null) {
      this.#events += report.events;
      this.#simulatedMs += report.simulatedMs;
      this.#writes += report.writes;
      this.#reads += report.reads;
      this.#unknown += report.unknown;
      for (const [situation, times] of report.coverage) {
        this.#coverage.set(situation, (this.#coverage.get(situation) ?? 0) + times);
      }
    } else {
      this.#failures.push(report);
      console.log(`\rseed ${report.seed}: ${report.failure}`);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${this.#done} of ${this.#runs} runs `);
  }

  print(workers: number): void {
    const seconds = (performance.now() - this.#began) / 1000;
    const perSecond = this.#events / seconds;
    if (process.stderr.isTTY) process.stderr.write("\r");
    console.log(
      `${this.#runs} runs, ${number(this.#events)} events in ${seconds.toFixed(1)} s: ` +
        `${number(perSecond)} events/s, ${number(perSecond / workers)} for each worker`,
    );
    console.log(
      `${number(this.#simulatedMs / 1000)} simulated seconds, ${number(this.#simulatedMs / 1000 / seconds)} for each real one`,
    );
    console.log(
      `${number(this.#writes)} writes and ${number(this.#reads)} reads answered, ${number(this.#unknown)} with unknown outcome`,
    );
    console.log("met:");
    for (const [situation, times] of this.#coverage) {
      console.log(`  ${situation.padEnd(30)} ${number(times).padStart(12)}`);
    }
    for (const { seed } of this.#failures) {
      console.log(`to see why: pnpm simulate --replay ${seed} ${this.#flags}`);
    }
    console.log(`${this.#failures.length} failing seeds`);
    if (this.#failures.length > 0) process.exitCode = 1;
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}
