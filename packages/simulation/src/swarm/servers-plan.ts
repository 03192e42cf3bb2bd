import type { RaftConfig } from "@eraft/core";
import { Random } from "../random.ts";
import type { Theme } from "./theme.ts";

/** A server's clock runs faster than time by up to this factor, or slower. */
const DRIFTS = [1, 1, 2 ** 0.2, 2];

/** More servers than any run has at a time. */
const SERVERS_MAX = 12;

/** The servers of a run: those that the cluster begins with, and those that may join it. */
export interface ServersPlan {
  /** By id. Those that may join have no `peers`. */
  readonly configs: readonly RaftConfig[];
  /** How much faster than the others the clock of each runs. */
  readonly clockRates: readonly number[];
  /** Whether those that start together tick together: then only what they draw keeps them apart. */
  readonly inStep: boolean;
  /** Whether servers tell each other for which disk they speak. Only then may a disk be lost. */
  readonly identifies: boolean;
  /** Whether no server that was cut off or removed can disturb a leader whom the others hear from (dissertation, 4.2.3, 9.6). */
  readonly isUndisturbed: boolean;
  /** Whether leaders may read by a lease. */
  readonly hasLeases: boolean;
  /** Whether one lost heartbeat, or one that is late, costs nobody the leadership. */
  readonly isPatient: boolean;
}

interface Given {
  readonly tickMs: number;
  /** Whether members change during the run. */
  readonly changes: boolean;
  readonly theme: Theme;
}

/** How many servers there are, and how long they wait for each other. */
interface Shape {
  readonly founders: number;
  readonly heartbeatTicks: number;
  /** The shortest election timeout. */
  readonly timeoutHeartbeats: number;
  /** The longest election timeout, in the shortest. */
  readonly spread: number;
  readonly drift: number;
  /** Which servers ask whether an election could be won before they stand in one. */
  readonly preVote: "all" | "none" | "some";
}

export function drawServers(seed: number, { tickMs, changes, theme }: Given): ServersPlan {
  const random = new Random(seed, "servers");
  const { founders, heartbeatTicks, timeoutHeartbeats, spread, drift, preVote } = drawShape(random, {
    theme,
    changes,
  });
  const spares = changes ? random.integer(1, Math.min(6, SERVERS_MAX - founders)) : 0;
  const electionTimeoutTicksMin = heartbeatTicks * timeoutHeartbeats;
  const electionTimeoutTicksMax = Math.ceil(electionTimeoutTicksMin * spread) + 1;
  const hasLeases = preVote === "all" && random.chance(theme === "leases" ? 1 : 0.3);
  // What has been promised for so many ticks holds for almost one less, by a clock that may be the slowest; and the leader's may be the fastest.
  const promiseMs = ((electionTimeoutTicksMin - 1) * tickMs) / drift ** 2;
  const leaseDuration = hasLeases ? promiseMs * random.pick([0.3, 0.9, 0.999, 0.999]) : null;
  const peers = Array.from({ length: founders }, (_, id) => id);
  const ids = Array.from({ length: founders + spares }, (_, id) => id);
  // Of chance of its own: seeds that are written down somewhere go on as they did.
  const blocks = new Random(seed, "blocks");
  return {
    configs: ids.map((id) => ({
      id,
      peers: id < founders ? peers : [],
      heartbeatTicks,
      electionTimeoutTicksMin,
      electionTimeoutTicksMax,
      seed: seed * 64 + id,
      maxAppendBytes: random.pick([1, 100, 400, 1 << 20]),
      maxInflightAppends: random.pick([1, 2, 4, 16]),
      maxInflightBytes: random.pick([1, 200, 1 << 20]),
      maxUncommittedBytes: random.pick([200, 1 << 20]),
      retainedBytes: random.pick([0, 100, 2000]),
      maxRetainedBytes: random.pick([0, 500, 1 << 20]),
      entriesInBlock: blocks.pick([1, 2, 5, 256]),
      preVote: preVote === "all" || (preVote === "some" && random.chance(0.5)),
      leaseDuration,
    })),
    clockRates: ids.map(() => drift ** random.pick([-1, 1, 1, random.between(-1, 1)])),
    inStep: random.chance(0.3),
    identifies: random.chance(0.6),
    isUndisturbed: preVote === "all",
    hasLeases,
    isPatient: timeoutHeartbeats >= 3,
  };
}

function drawShape(random: Random, { theme, changes }: Pick<Given, "theme" | "changes">): Shape {
  switch (theme) {
    case "anything":
    case "members":
      return {
        founders: random.pick(changes ? [1, 1, 2, 3, 3, 3, 4, 5, 7] : [1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7]),
        heartbeatTicks: random.integer(1, 5),
        timeoutHeartbeats: random.integer(2, 8),
        spread: random.pick([1.2, 2, 3]),
        drift: random.pick(DRIFTS),
        preVote: random.pick(["all", "all", "all", "none", "some"]),
      };
    case "elections":
      // Elections are what is wanted, those that cannot be won included.
      return {
        founders: random.pick([3, 3, 5]),
        heartbeatTicks: 1,
        timeoutHeartbeats: random.integer(3, 6),
        spread: 2,
        drift: 1,
        preVote: random.pick(["none", "none", "some"]),
      };
    case "leases":
      // A leader with a slow clock is to keep its office, and its successors are to hurry: otherwise no lease lasts until there are two leaders.
      return {
        founders: random.pick([3, 3, 3, 5]),
        heartbeatTicks: 1,
        timeoutHeartbeats: 10,
        spread: 1.1,
        drift: random.pick([1, 2, 2]),
        preVote: "all",
      };
  }
}
