import { drawNetwork, type NetworkPlan } from "../network-plan.ts";
import { Random } from "../random.ts";

/** Where times are means, they are those of an exponential distribution; Infinity means never. All in virtual milliseconds. */
export interface WholePlan {
  readonly seed: number;
  /** Servers that the cluster begins with. */
  readonly size: number;
  readonly members: MembersPlan;
  readonly node: NodePlan;
  readonly network: NetworkPlan;
  readonly snapshots: SnapshotPlan;
  readonly disk: WholeDiskPlan;
  readonly process: WholeProcessPlan;
  readonly workload: WholeWorkloadPlan;
}

/** Who comes and goes. */
export interface MembersPlan {
  /** Servers that may join. */
  readonly spares: number;
  /** Whether servers tell each other for which disk they speak: then one whose disk was lost may come back. */
  readonly identifies: boolean;
  readonly changeEveryMs: number;
  readonly transferEveryMs: number;
  /** Probability that a server which was removed goes on running. */
  readonly neglect: number;
}

/** How every server is configured. */
export interface NodePlan {
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotBytes: number;
  readonly maxPendingRequests: number;
  readonly maxAppendBytes: number;
  readonly maxInflightAppends: number;
  readonly maxInflightBytes: number;
  readonly preVote: boolean;
  /** Whether leaders may read by a lease. */
  readonly hasLeases: boolean;
  readonly maxUncommittedBytes: number;
  readonly retainedBytes: number;
  /** Of the key-value service. */
  readonly timeLimitMs: number;
  /** Mean time in which a batch is applied; 0 for at once. */
  readonly applyMsMean: number;
  /** Whether the state machine keeps its state on a disk of its own, and comes back with it: the whole of it in one piece, or in a database. */
  readonly ownDisk: false | "whole" | "level";
  /** How long what was applied waits to be written to that database. */
  readonly writeDelayMs: number;
}

/** How snapshots travel. Probabilities are per snapshot. */
export interface SnapshotPlan {
  /** It breaks off in the middle. */
  readonly cut: number;
  /** It arrives a second time, later. */
  readonly repeated: number;
  readonly timeoutMs: number;
}

export interface WholeDiskPlan {
  readonly writeMsMean: number;
  readonly failEveryMs: number;
  readonly fullEveryMs: number;
  readonly fullForMs: number;
  readonly slowEveryMs: number;
  readonly slowForMs: number;
  readonly hangEveryMs: number;
  readonly hangForMs: number;
  /** Probability that an operation which has not been acknowledged survives a crash. */
  readonly keeps: number;
  readonly flipBits: boolean;
  /** A disk is lost, and with it its server, unless servers say which disk they have. */
  readonly wipe: boolean;
  /** Mean time between two disks being lost whose servers come back with empty ones. Only where servers say which disk they have. */
  readonly replaceEveryMs: number;
}

export interface WholeProcessPlan {
  readonly crashEveryMs: number;
  readonly downForMs: number;
  /** Probability of a crash just before, and just after, each storage operation and each message. */
  readonly crashAtBoundary: number;
  readonly stopEveryMs: number;
  readonly pauseEveryMs: number;
  readonly pauseForMs: number;
  /** How much faster or slower a clock may run: 0.5 means half to double speed. */
  readonly drift: number;
}

export interface WholeWorkloadPlan {
  /** Each does one thing at a time. */
  readonly callers: number;
  /** Those that share one key of eraft.kv.v1. */
  readonly registerCallers: number;
  readonly sharesClient: boolean;
  readonly keys: number;
  readonly thinkMsMean: number;
  readonly reads: number;
  /** How many of the reads may rely on a lease, and how many may be stale. */
  readonly leaseReads: number;
  readonly staleReads: number;
  readonly attemptTimeoutMs: number;
  readonly deadlineMs: number;
  /** Of requests and of answers between clients and servers. */
  readonly loss: number;
  readonly delayMsMean: number;
  /** The probability that one of them takes {@link CLIENT_TAIL_FACTOR} times as long. */
  readonly tail: number;
}

export const CLIENT_TAIL_FACTOR = 40;

/** More servers than any run has at a time. */
const SERVERS_MAX = 9;

/** Draws the conditions of a run. Each kind of fault is absent from many runs: one that is always there hides what happens in its absence. */
export function drawWholePlan(seed: number): WholePlan {
  const random = new Random(seed, "whole plan");
  const size = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 7]);
  return {
    seed,
    size,
    members: drawMembers(random, size),
    // From a stream of its own: what other seeds draw stays as it was.
    node: { ...drawNode(random), ...drawOwnDisk(new Random(seed, "whole own disk")) },
    network: drawNetwork(random),
    snapshots: {
      cut: random.pick([0, 0.2, 0.5]),
      repeated: random.pick([0, 0.5]),
      timeoutMs: random.pick([30, 120, 3000]),
    },
    disk: drawDisk(random),
    process: drawProcess(random),
    workload: drawWorkload(random),
  };
}

function drawMembers(random: Random, size: number): MembersPlan {
  const changes = random.chance(0.5);
  return {
    spares: changes ? random.integer(1, Math.min(4, SERVERS_MAX - size)) : 0,
    identifies: random.chance(0.6),
    changeEveryMs: changes ? random.pick([200, 1000]) : Infinity,
    transferEveryMs: rarely(random, 0.4, [500, 3000]),
    neglect: random.pick([0, 0.5, 1]),
  };
}

function drawOwnDisk(random: Random): Pick<NodePlan, "ownDisk" | "writeDelayMs"> {
  return {
    ownDisk: random.chance(0.3) && random.pick(["whole", "level", "level"]),
    writeDelayMs: random.pick([0, 20, 500, 10_000]),
  };
}

function drawNode(random: Random): Omit<NodePlan, "ownDisk" | "writeDelayMs"> {
  const heartbeatMs = random.pick([50, 100, 125]);
  return {
    heartbeatMs,
    electionTimeoutMs: heartbeatMs * random.integer(2, 8),
    snapshotBytes: random.pick([200, 400, 1500, 6000, 1 << 23]),
    maxPendingRequests: random.pick([2, 10_000]),
    maxAppendBytes: random.pick([1, 300, 1 << 20]),
    maxInflightAppends: random.pick([1, 2, 4]),
    maxInflightBytes: random.pick([1, 300, 1 << 20]),
    ...drawElections(random),
    maxUncommittedBytes: random.pick([300, 1 << 20]),
    retainedBytes: random.pick([0, 0, 0, 500, 1 << 22]),
    timeLimitMs: random.pick([500, 60_000]),
    applyMsMean: random.pick([0, 0, 3, 30]),
  };
}

/** Leases need servers that ask before they stand for election. */
function drawElections(random: Random): Pick<NodePlan, "preVote" | "hasLeases"> {
  const preVote = random.chance(0.8);
  return { preVote, hasLeases: preVote && random.chance(0.35) };
}

function drawDisk(random: Random): WholeDiskPlan {
  return {
    writeMsMean: random.pick([0.2, 2, 20]),
    failEveryMs: rarely(random, 0.4, [1500, 6000]),
    fullEveryMs: rarely(random, 0.25, [4000, 15_000]),
    fullForMs: random.pick([500, 4000]),
    slowEveryMs: rarely(random, 0.3, [2000, 8000]),
    slowForMs: random.pick([500, 3000]),
    hangEveryMs: rarely(random, 0.25, [3000, 12_000]),
    hangForMs: random.pick([700, 6000]),
    keeps: random.pick([0, 0.5, 1]),
    flipBits: random.chance(0.15),
    wipe: random.chance(0.15),
    replaceEveryMs: rarely(random, 0.5, [1500, 6000]),
  };
}

function drawProcess(random: Random): WholeProcessPlan {
  return {
    crashEveryMs: rarely(random, 0.6, [400, 2000, 10_000]),
    downForMs: random.pick([20, 500, 4000]),
    crashAtBoundary: random.chance(0.4) ? random.pick([0.0005, 0.004]) : 0,
    stopEveryMs: rarely(random, 0.4, [1000, 6000]),
    pauseEveryMs: rarely(random, 0.4, [1000, 6000]),
    pauseForMs: random.pick([200, 2500]),
    drift: random.pick([0, 0, 0.1, 0.5]),
  };
}

function drawWorkload(random: Random): WholeWorkloadPlan {
  const callers = random.integer(1, 7);
  return {
    callers,
    sharesClient: random.chance(0.5),
    // Many callers on one key, of which many never learn their outcome, have more possible orders than can be searched.
    keys: random.integer(callers > 3 ? 2 : 1, 4),
    thinkMsMean: random.pick([5, 40, 200]),
    reads: random.pick([0.2, 0.4, 0.7]),
    leaseReads: random.pick([0.3, 0.8]),
    staleReads: random.pick([0, 0.1]),
    attemptTimeoutMs: random.pick([150, 1000]),
    deadlineMs: random.pick([400, 2000, 10_000]),
    loss: random.chance(0.6) ? random.pick([0.02, 0.2]) : 0,
    delayMsMean: random.pick([0.5, 5, 60]),
    tail: random.chance(0.5) ? 0.05 : 0,
    registerCallers: random.integer(0, 3),
  };
}

function rarely(random: Random, probability: number, everyMs: readonly number[]): number {
  return random.chance(probability) ? random.pick(everyMs) : Infinity;
}
