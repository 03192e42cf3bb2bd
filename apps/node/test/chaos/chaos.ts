import { HistoryRecorder, type KvInput, type KvOutput } from "@eraft/linearizability";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import { ChaosCluster } from "./chaos-cluster.ts";
import type { Faults } from "./faults/fault.ts";
import { allFaults } from "./faults/index.ts";
import { type Judgement, type KvHistory, judge } from "./judge.ts";
import { Lane } from "./lane.ts";
import { Random } from "./random.ts";
import { type ChaosReport, isGood } from "./report.ts";
import { openClients } from "./workload/clients.ts";
import { readEverything } from "./workload/final-reads.ts";
import { Tally } from "./workload/tally.ts";
import { Workload } from "./workload/workload.ts";

export interface ChaosOptions {
  /** Of load and faults. It takes longer if after that some kind of fault has not hit yet. */
  readonly minutes: number;
  readonly nodes: number;
  /** Chooses faults and their victims. */
  readonly seed: number;
  /** About how long a fault lasts, in milliseconds. */
  readonly holdMs: number;
  /** Where nodes keep their data. Default: wal. */
  readonly storage?: "wal" | "level" | "memory";
  /** Further flags of `eraft serve`. Default: quick timers, and snapshots all the time. */
  readonly flags?: readonly string[];
  /** Of all the faults, those to use. Default: all. */
  readonly choose?: (faults: Faults) => Faults;
  readonly onProgress?: (progress: Progress) => void;
  /** What begins now that the load has ended. */
  readonly onPhase?: (what: string) => void;
}

export interface Progress {
  readonly elapsedMs: number;
  readonly tally: Tally;
  /** The faults under way. */
  readonly faults: readonly string[];
}

const FLAGS = ["--heartbeat-ms", "50", "--election-timeout-ms", "400", "--snapshot-bytes", "100000"];
const KV_CLIENTS = 8;
const GROUPS = 16;
/** The search through orders grows with those of so many concurrent appends, which differ until somebody reads. */
const CLIENTS_PER_GROUP = 4;
const OPS_PER_KEY = 200;
const PROGRESS_MS = 5_000;
/** Answers before the first fault: there should be something to lose. */
const WARM_UP = 100;

/**
 * Runs a cluster of real processes under load and faults, heals it, reads everything back, and judges what clients were told.
 * Resolves with a report also if that is a bad one.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(options.seed);
  const { nodes, storage = "wal" } = options;
  const flags = [...(options.flags ?? FLAGS), "--storage", storage];
  const cluster = await ChaosCluster.launch({ nodes, flags, random: random.fork() });
  let report: ChaosReport;
  try {
    const run = new Run(cluster, options, random);
    const judgement = await run.perform();
    report = run.report(judgement);
    if (!isGood(report)) {
      await saveEvidence(cluster.dir, run.history, judgement);
      report = { ...report, evidence: cluster.dir };
    }
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  try {
    await cluster.stop(report.evidence !== null);
    return report;
  } catch (error) {
    // The verdict is worth having all the same.
    return { ...report, problems: [...report.problems, `the cluster does not end: ${String(error)}`] };
  }
}

class Run {
  readonly #cluster: ChaosCluster;
  readonly #options: ChaosOptions;
  readonly #random: Random;
  readonly #recorder = new HistoryRecorder<KvInput, KvOutput>();
  readonly #tally = new Tally();
  #faults: Faults = { network: [], process: [] };
  #lanes: readonly Lane[] = [];
  #keys: readonly string[] = [];
  #elapsedMs = 0;

  constructor(cluster: ChaosCluster, options: ChaosOptions, random: Random) {
    this.#cluster = cluster;
    this.#options = options;
    this.#random = random;
  }

  get history(): KvHistory {
    return this.#recorder.operations();
  }

  async perform(): Promise<Judgement> {
    const recorder = this.#recorder;
    const tally = this.#tally;
    this.#faults = (this.#options.choose ?? ((faults) => faults))(await allFaults(this.#cluster));
    await this.#cluster.leader();
    try {
      await this.#storm();
      this.#options.onPhase?.(`faults are over: reading ${this.#keys.length} keys back`);
      await readEverything(this.#cluster, this.#keys, { recorder, tally });
    } catch (error) {
      // What went wrong is a problem of its own; what clients were told until then is judged all the same.
      this.#cluster.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.#options.onPhase?.(`judging ${this.#tally.operations} operations`);
    return judge(this.history);
  }

  report({ verdict, problems }: Judgement): ChaosReport {
    const counts = new Map(this.#lanes.flatMap((lane) => [...lane.counts]));
    const { operations, acknowledged, unknown, failed, worstOutageMs } = this.#tally;
    const faults = [...this.#faults.network, ...this.#faults.process].map(({ kind, unavailable }) => ({
      kind,
      unavailable,
      count: counts.get(kind) ?? 0,
    }));
    const missing = faults.filter(({ count, unavailable }) => count === 0 && unavailable === null);
    return {
      seed: this.#options.seed,
      nodes: this.#options.nodes,
      storage: this.#options.storage ?? "wal",
      minutes: this.#elapsedMs / 60_000,
      operations,
      acknowledged,
      unknown,
      failed,
      keys: this.#keys.length,
      worstOutageMs,
      faults,
      verdict,
      problems: [
        ...problems,
        ...this.#cluster.problems,
        ...missing.map(({ kind }) => `no ${kind} has come about`),
        // Faults of a network that nobody uses prove nothing.
        ...this.#cluster.network.silent.map(
          (id) => `node ${id} does not talk to the others through the proxies`,
        ),
      ],
      evidence: null,
    };
  }

  /** Load and faults together, and then only a healthy cluster. */
  async #storm(): Promise<void> {
    const [over, cluster, random] = [new AbortController(), this.#cluster, this.#random];
    const { signal } = over;
    const { holdMs } = this.#options;
    const { clients, close } = openClients(cluster.clientAddresses, KV_CLIENTS);
    const workload = new Workload({
      clients,
      groups: GROUPS,
      clientsPerGroup: CLIENTS_PER_GROUP,
      opsPerKey: OPS_PER_KEY,
      recorder: this.#recorder,
      tally: this.#tally,
      random: random.fork(),
      signal,
    });
    this.#lanes = [this.#faults.network, this.#faults.process].map(
      (faults) => new Lane(faults, { cluster, random: random.fork(), holdMs, signal }),
    );
    const working = workload.run();
    const warm = this.#isWarm(signal);
    const parts = [working, ...this.#lanes.map(async (lane) => warm.then(() => lane.run()))];
    // Whatever fails ends all of it, and nothing is left under way.
    for (const part of parts) part.catch(() => over.abort());
    const timer = warm.then(() => this.#timeIsUp(signal)).finally(() => over.abort());
    const ends = await Promise.allSettled([...parts, timer]);
    this.#keys = workload.keys;
    close();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async #isWarm(signal: AbortSignal): Promise<void> {
    await eventually(() => {
      if (this.#tally.acknowledged < WARM_UP && !signal.aborted)
        throw new Error("a healthy cluster does not serve");
    });
  }

  /** Resolves when the run has lasted long enough, or is over for another reason. */
  async #timeIsUp(signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    let toldMs = startMs;
    while (!signal.aborted) {
      await after(100, undefined, { signal }).catch(() => {});
      const nowMs = performance.now();
      this.#elapsedMs = nowMs - startMs;
      if (nowMs - toldMs >= PROGRESS_MS) {
        toldMs = nowMs;
        const faults = this.#lanes.flatMap(({ current }) => current ?? []);
        this.#options.onProgress?.({ elapsedMs: this.#elapsedMs, tally: this.#tally, faults });
      }
      const isLongEnough = this.#elapsedMs >= this.#options.minutes * 60_000;
      if (isLongEnough && this.#lanes.every(({ isComplete }) => isComplete)) return;
    }
  }
}

/** Next to data and logs: the history, an operation a line, and what the checkers found. */
async function saveEvidence(dir: string, history: KvHistory, judgement: Judgement): Promise<void> {
  await mkdir(dir, { recursive: true });
  const lines = history.map((operation) => `${JSON.stringify(operation)}\n`);
  await writeFile(join(dir, "history.jsonl"), lines.join(""));
  await writeFile(join(dir, "problems.txt"), `${judgement.problems.join("\n")}\n`);
  for (const [key, picture] of judgement.pictures) await writeFile(join(dir, `${key}.svg`), picture);
}
