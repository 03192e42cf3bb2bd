import { KvCallError, type KvraftClient } from "@eraft/kv";
import { execFile } from "node:child_process";
import { setTimeout as after } from "node:timers/promises";
import { promisify } from "node:util";
import { electionProblems, leaderOf } from "../../support/cluster-view.ts";
import { ChangingCluster } from "../support/changing-cluster.ts";
import { FullLoad } from "../support/full-load.ts";
import { OfferedLoad, type OfferedPut } from "../support/offered-load.ts";

export interface OverloadOptions {
  /** How much is offered, as multiples of what the cluster can do. */
  readonly factors: readonly number[];
  /** How long each is offered, in milliseconds; also the search for the capacity before, and what comes after. */
  readonly phaseMs: number;
  /** Clients that offer; each with connections of its own. */
  readonly clients: number;
  /** After which a caller gives up, in milliseconds. */
  readonly deadlineMs: number;
  readonly valueBytes: number;
  /** A processor for all nodes to share, so that who offers has others; null to leave that to the system. */
  readonly nodesOn: number | null;
  /** Puts in a second that the nodes can do; null to find out. */
  readonly capacity: number | null;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

/** What came of one rate. */
export interface Phase {
  readonly factor: number;
  readonly offeredPerSecond: number;
  /** Acknowledged before their deadlines. */
  readonly goodputPerSecond: number;
  readonly offered: number;
  readonly acknowledged: number;
  /** Of those acknowledged, in milliseconds. */
  readonly latencies: readonly number[];
  /** Attempts by what came of them. */
  readonly answers: ReadonlyMap<string, number>;
}

export interface OverloadReport {
  /** Puts acknowledged in a second of clients that have one under way each. */
  readonly capacity: number;
  readonly phases: readonly Phase[];
  /** After the last of the phases, at half of what the cluster can do. */
  readonly after: Phase;
  /** From when the load fell until the last put became due that was late after that; null if some were so to the end. */
  readonly recoveryMs: number | null;
  /** By how much the term has grown meanwhile. */
  readonly elections: number;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

const NODES = 3;
const CLOSED_LOOP_CLIENTS = 64;
/** Nothing but a cluster that does not serve takes so long. */
const SERVES_WITHIN_MS = 30_000;
const WARM_UP_MS = 2000;
const AFTER = 0.5;
/** A put at half of the capacity that takes longer was in somebody's way. */
const LATE_MS = 250;
/** Late by as much before the end, the last of the puts leave open whether it is over. */
const MIN_CALM_MS = 500;

/** Offers more than the cluster can do, and looks at what it does then, and after that. */
export async function overload(options: OverloadOptions): Promise<OverloadReport> {
  const cluster = await ChangingCluster.launch({ founders: NODES, joiners: 0, flags: options.flags });
  try {
    if (options.nodesOn !== null) await pin(cluster, options.nodesOn);
    return await measure(cluster, options);
  } finally {
    await cluster.stop();
  }
}

async function measure(cluster: ChangingCluster, options: OverloadOptions): Promise<OverloadReport> {
  const { factors, phaseMs, clients, deadlineMs, valueBytes, say } = options;
  const client = cluster.client();
  const leader = await leaderOf(client);
  const capacity = options.capacity ?? (await capacityOf(cluster, options));
  say(`${capacity.toFixed(0)} puts/s of ${CLOSED_LOOP_CLIENTS} clients with one at a time`);
  const load = new OfferedLoad({ addresses: cluster.addresses, clients, deadlineMs, valueBytes });
  const phase = new PhaseLog(load, capacity, say);
  try {
    const phases: Phase[] = [];
    for (const factor of factors) {
      if (phases.length > 0) await phase.drain();
      phases.push(await phase.run(factor, phaseMs));
    }
    const fellMs = performance.now();
    const after = await phase.run(AFTER, phaseMs);
    await load.drain();
    const puts = phase.seen.filter(({ dueMs }) => dueMs >= fellMs);
    const leaderAfter = await leaderOf(client);
    return {
      capacity,
      phases,
      after,
      recoveryMs: recoveryOf([...puts, ...load.take()], fellMs, phaseMs),
      elections: leaderAfter.term - leader.term,
      problems: [...electionProblems(leader, leaderAfter), ...(await serviceProblems(client))],
    };
  } finally {
    load.close();
  }
}

/** Whatever was refused or given up before: whoever asks now is served. */
async function serviceProblems(client: KvraftClient): Promise<readonly string[]> {
  try {
    await client.put("after", "all of that", { deadlineMs: SERVES_WITHIN_MS });
    return [];
  } catch (error) {
    if (error instanceof KvCallError) return [error.message];
    throw error;
  }
}

/** Runs one rate after the other over the same clients. */
class PhaseLog {
  readonly #load: OfferedLoad;
  readonly #capacity: number;
  readonly #say: (line: string) => void;
  #answers: ReadonlyMap<string, number> = new Map();
  /** Of the last phase. */
  seen: readonly OfferedPut[] = [];

  constructor(load: OfferedLoad, capacity: number, say: (line: string) => void) {
    this.#load = load;
    this.#capacity = capacity;
    this.#say = say;
  }

  async drain(): Promise<void> {
    await this.#load.drain();
    this.#load.take();
    this.#answers = this.#load.answers;
  }

  /** What is still under way at the end counts neither as offered nor as done: how much that is does not grow with the time. */
  async run(factor: number, phaseMs: number): Promise<Phase> {
    const fromMs = performance.now();
    this.#load.take();
    this.#load.offer(factor * this.#capacity);
    await after(phaseMs);
    const tookMs = performance.now() - fromMs;
    this.seen = this.#load.take().filter(({ dueMs }) => dueMs >= fromMs);
    const done = this.seen.filter(({ isAcknowledged }) => isAcknowledged);
    const answers = difference(this.#load.answers, this.#answers);
    this.#answers = this.#load.answers;
    const phase: Phase = {
      factor,
      offeredPerSecond: factor * this.#capacity,
      goodputPerSecond: (done.length * 1000) / tookMs,
      offered: this.seen.length,
      acknowledged: done.length,
      latencies: done.map(({ dueMs, endMs }) => endMs - dueMs),
      answers,
    };
    this.#say(
      `${factor} times the capacity: ${phase.goodputPerSecond.toFixed(0)} of ${phase.offeredPerSecond.toFixed(0)} puts/s acknowledged in time`,
    );
    return phase;
  }
}

async function capacityOf(
  cluster: ChangingCluster,
  { phaseMs, valueBytes }: OverloadOptions,
): Promise<number> {
  const load = new FullLoad(cluster.addresses, CLOSED_LOOP_CLIENTS, "x".repeat(valueBytes));
  try {
    await after(Math.min(WARM_UP_MS, phaseMs));
    const before = load.acknowledged;
    const fromMs = performance.now();
    await after(phaseMs);
    const capacity = ((load.acknowledged - before) * 1000) / (performance.now() - fromMs);
    await load.stop();
    if (capacity === 0 || load.problems.length > 0) {
      throw new Error(`the nodes do not serve: ${load.problems[0] ?? "no put was acknowledged"}`);
    }
    return capacity;
  } finally {
    load.abort();
  }
}

/** See {@link OverloadReport.recoveryMs}. */
export function recoveryOf(puts: readonly OfferedPut[], fellMs: number, phaseMs: number): number | null {
  const late = puts.filter(({ isAcknowledged, dueMs, endMs }) => !isAcknowledged || endMs - dueMs > LATE_MS);
  const recoveryMs = Math.max(0, ...late.map(({ dueMs }) => dueMs - fellMs));
  return recoveryMs > phaseMs - MIN_CALM_MS ? null : recoveryMs;
}

function difference(
  now: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const grown = [...now].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const);
  return new Map(grown.filter(([, count]) => count > 0));
}

/** All threads that there are; those that come later inherit it. */
async function pin(cluster: ChangingCluster, processor: number): Promise<void> {
  for (const id of cluster.running) {
    await promisify(execFile)("taskset", [
      "-a",
      "-p",
      "-c",
      String(processor),
      String(cluster.process(id).pid),
    ]);
  }
}
