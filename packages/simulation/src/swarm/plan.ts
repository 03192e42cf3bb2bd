import { drawNetwork, type NetworkPlan } from "../network-plan.ts";
import { Random, sometimes } from "../random.ts";
import { drawServers, type ServersPlan } from "./servers-plan.ts";
import { drawTheme, themed } from "./theme.ts";

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
  /** Servers whose disk dies during the run and which never come back: always a minority. */
  readonly deadDisks: number;
  /** Mean milliseconds between two disks being replaced by empty ones, whose servers come back; Infinity for never. */
  readonly wipeEveryMs: number;
  /** Probability that a partition cuts off whoever leads, rather than somebody. */
  readonly cutsOffLeader: number;
  /** Whether servers are told that a connection broke since the other end's process is gone: probability per server and crash. */
  readonly brokenConnections: number;
  /** Mean milliseconds between two such hints that are wrong; Infinity for none. */
  readonly wrongHintEveryMs: number;
}

export interface WorkloadPlan {
  readonly clients: number;
  readonly thinkMsMean: number;
  readonly reads: number;
  /** How many of the reads go to any server, whoever leads. */
  readonly readsAnywhere: number;
  /** How many of the reads may rely on a lease. */
  readonly leaseReads: number;
  readonly timeoutMs: number;
  /** Probability that a client asks the same server again that has not answered. */
  readonly stubbornness: number;
}

export interface OperatorPlan {
  /** Mean milliseconds between two changes of the members; Infinity for none. */
  readonly changeEveryMs: number;
  /** Mean milliseconds between two transfers of the leadership; Infinity for none. */
  readonly transferEveryMs: number;
  /** Probability that a transfer's target is cut off, or crashes, just then; and half of it, that something like that happens to a change. */
  readonly sabotage: number;
  /** Probability that a server is started at once when it is added, rather than some time later. */
  readonly punctuality: number;
  /** Probability that a server which was removed goes on running. */
  readonly neglect: number;
}

/** Everything about a run that its seed decides before it begins. */
export interface Plan {
  readonly seed: number;
  readonly tickMs: number;
  readonly servers: ServersPlan;
  readonly network: NetworkPlan;
  readonly disk: DiskPlan;
  readonly process: ProcessPlan;
  readonly workload: WorkloadPlan;
  readonly operators: OperatorPlan;
}

/**
 * Draws a plan. Each kind of fault is switched off altogether in many runs: a fault that is always there hides what happens in its absence, and
 * extremes are met only when not everything happens at once.
 */
export function drawPlan(seed: number): Plan {
  const random = new Random(seed, "plan");
  const theme = drawTheme(random);
  const tickMs = random.pick([25, 30, 50]);
  const changes = theme === "members" || (theme === "anything" && random.chance(0.5));
  const plan: Plan = {
    seed,
    tickMs,
    servers: drawServers(seed, { tickMs, changes, theme }),
    network: drawNetwork(random),
    disk: drawDisk(random),
    process: drawProcess(random),
    workload: {
      clients: random.integer(1, 6),
      thinkMsMean: random.pick([20, 100, 400]),
      reads: random.pick([0, 0.3, 0.8]),
      readsAnywhere: random.pick([0, 0.5, 1]),
      leaseReads: random.pick([0.3, 1]),
      timeoutMs: random.pick([300, 2000]),
      stubbornness: random.pick([0, 0.8]),
    },
    operators: {
      changeEveryMs: changes ? random.pick([200, 800, 3000]) : Infinity,
      transferEveryMs: random.chance(0.5) ? random.pick([500, 3000]) : Infinity,
      sabotage: random.pick([0, 0.5]),
      punctuality: random.pick([1, 0.7]),
      neglect: random.pick([0, 0.5, 1]),
    },
  };
  return themed(plan, theme, random);
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
    stallEveryMs: random.chance(0.35) ? random.pick([1000, 5000]) : Infinity,
    stallForMs: random.pick([300, 3000]),
    deadDisks: random.chance(0.15) ? 1 : 0,
    wipeEveryMs: random.chance(0.5) ? random.pick([2000, 8000]) : Infinity,
    cutsOffLeader: random.pick([0, 0.3]),
    brokenConnections: random.pick([0, 0.7, 1]),
    wrongHintEveryMs: random.chance(0.3) ? random.pick([300, 3000]) : Infinity,
  };
}
