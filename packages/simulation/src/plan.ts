import type { RaftConfig } from "@eraft/core";
import { Random } from "./random.ts";

/** How messages fare. Probabilities are per message, times in virtual milliseconds. */
export interface NetworkPlan {
  readonly delayMsMin: number;
  /** Mean of the exponential part of the delay, on top of the minimum. */
  readonly delayMsMean: number;
  /** Some messages take very much longer: probability, and by which factor. */
  readonly tail: number;
  readonly tailFactor: number;
  readonly loss: number;
  readonly duplication: number;
  /** Mean milliseconds between two partitions; Infinity for none. */
  readonly partitionEveryMs: number;
  readonly partitionForMs: number;
  /** Partitions may cut one direction only. */
  readonly oneWay: boolean;
  /** Mean milliseconds between two links becoming clogged: nothing is lost, all of it arrives when the link is free again. */
  readonly clogEveryMs: number;
  readonly clogForMs: number;
  /** Whether senders are told of losses, as a connection that breaks does. */
  readonly hints: number;
}

export interface DiskPlan {
  readonly writeMsMean: number;
  /** Some writes hang: probability per write, and for how long. */
  readonly hang: number;
  readonly hangMs: number;
  /** Mean milliseconds of applying a batch. */
  readonly applyMsMean: number;
  /** Log bytes after which a server takes a snapshot; Infinity for never. */
  readonly compactAfterBytes: number;
}

export interface ProcessPlan {
  /** Mean milliseconds between two crashes in the cluster; Infinity for none. */
  readonly crashEveryMs: number;
  readonly downForMs: number;
  /** Probability that the write under way at a crash reached the disk. */
  readonly keepsWrite: number;
  /** Mean milliseconds between two stalls (a paused process); its ticks and messages wait. */
  readonly stallEveryMs: number;
  readonly stallForMs: number;
  /** How much faster or slower a server's clock may run: 0.5 means half to double speed. */
  readonly drift: number;
  /** Servers whose disk dies during the run and which never come back: always a minority. */
  readonly deadDisks: number;
}

export interface WorkloadPlan {
  readonly clients: number;
  readonly thinkMsMean: number;
  readonly reads: number;
  readonly timeoutMs: number;
}

/** Everything about a run that its seed decides before it begins. */
export interface Plan {
  readonly seed: number;
  readonly tickMs: number;
  readonly configs: readonly RaftConfig[];
  readonly network: NetworkPlan;
  readonly disk: DiskPlan;
  readonly process: ProcessPlan;
  readonly workload: WorkloadPlan;
}

/**
 * Draws a plan. Each kind of fault is switched off altogether in many runs: a fault that is always there hides what happens in its absence, and
 * extremes are met only when not everything happens at once.
 */
export function drawPlan(seed: number): Plan {
  const random = new Random(seed, "plan");
  const tickMs = random.pick([25, 30, 50]);
  return {
    seed,
    tickMs,
    configs: drawConfigs(random, seed),
    network: drawNetwork(random),
    disk: drawDisk(random),
    process: drawProcess(random),
    workload: {
      clients: random.integer(1, 6),
      thinkMsMean: random.pick([20, 100, 400]),
      reads: random.pick([0, 0.3, 0.8]),
      timeoutMs: random.pick([300, 2000]),
    },
  };
}

function drawConfigs(random: Random, seed: number): RaftConfig[] {
  const size = random.pick([1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
  const peers = Array.from({ length: size }, (_, id) => id);
  const heartbeatTicks = random.integer(1, 5);
  const electionTimeoutTicksMin = heartbeatTicks * random.integer(2, 8);
  const spread = random.pick([1.2, 2, 3]);
  return peers.map((id) => ({
    id,
    peers,
    heartbeatTicks,
    electionTimeoutTicksMin,
    electionTimeoutTicksMax: Math.ceil(electionTimeoutTicksMin * spread) + 1,
    seed: seed * 64 + id,
    maxAppendBytes: random.pick([1, 100, 400, 1 << 20]),
    maxInflightAppends: random.pick([1, 2, 4, 16]),
    maxUncommittedBytes: random.pick([200, 1 << 20]),
    retainedBytes: random.pick([0, 100, 2000]),
  }));
}

export function drawNetwork(random: Random): NetworkPlan {
  return {
    delayMsMin: random.pick([0, 1, 10]),
    delayMsMean: random.pick([1, 5, 40]),
    tail: sometimes(random, 0.5, 0.02),
    tailFactor: random.pick([10, 100]),
    loss: sometimes(random, 0.6, random.pick([0.01, 0.1, 0.3])),
    duplication: sometimes(random, 0.5, random.pick([0.02, 0.3])),
    partitionEveryMs: random.chance(0.6) ? random.pick([1000, 5000, 20000]) : Infinity,
    partitionForMs: random.pick([300, 2000, 10000]),
    oneWay: random.chance(0.4),
    clogEveryMs: random.chance(0.3) ? random.pick([2000, 10000]) : Infinity,
    clogForMs: random.pick([200, 3000]),
    hints: sometimes(random, 0.5, random.pick([0.5, 1])),
  };
}

function drawDisk(random: Random): DiskPlan {
  return {
    writeMsMean: random.pick([0.2, 2, 20]),
    hang: sometimes(random, 0.2, 0.002),
    hangMs: random.pick([500, 5000]),
    applyMsMean: random.pick([0.1, 5]),
    compactAfterBytes: random.pick([Infinity, 150, 600, 4000]),
  };
}

function drawProcess(random: Random): ProcessPlan {
  return {
    crashEveryMs: random.chance(0.6) ? random.pick([500, 3000, 15000]) : Infinity,
    downForMs: random.pick([50, 1000, 8000]),
    keepsWrite: random.pick([0, 0.5, 1]),
    stallEveryMs: random.chance(0.3) ? random.pick([2000, 10000]) : Infinity,
    stallForMs: random.pick([300, 3000]),
    drift: random.pick([0, 0, 0.1, 0.5]),
    deadDisks: random.chance(0.15) ? 1 : 0,
  };
}

function sometimes(random: Random, probability: number, value: number): number {
  return random.chance(probability) ? value : 0;
}
