import type { NodeId } from "./types.ts";

/** How a server is set up. Time is counted in ticks, whose length is the caller's choice. */
export interface RaftConfig {
  readonly id: NodeId;
  /** All servers of the cluster, `id` among them: 1 to 7. */
  readonly peers: readonly NodeId[];
  /** A follower that hears nothing for this long, or up to `electionTimeoutTicksMax`, stands for election (dissertation, 3.4). */
  readonly electionTimeoutTicksMin: number;
  /** Exclusive; the timeout is drawn anew each time from [min, max). */
  readonly electionTimeoutTicksMax: number;
  /** At most half of `electionTimeoutTicksMin`, so that one lost heartbeat does not cost the leadership. */
  readonly heartbeatTicks: number;
  /** Seed of this server's randomness, any safe integer; servers of a cluster need different ones. */
  readonly seed: number;
  /** Bytes of entries in one AppendEntries; a single larger entry travels alone. Default 1 MiB. */
  readonly maxAppendBytes?: number;
  /** AppendEntries with entries on their way to one follower at a time. Default 4: more would make batches smaller, not latency. */
  readonly maxInflightAppends?: number;
  /** A leader answers `busy` while this many bytes in its log wait to be committed. Default 32 MiB. */
  readonly maxUncommittedBytes?: number;
  /** Bytes of entries kept in memory below the own snapshot, so that a follower only slightly behind needs no snapshot. Default 4 MiB. */
  readonly retainedBytes?: number;
  /**
   * The command with which a leader opens its term. Default: empty, which no state machine gets to see. In a cluster with servers that hand
   * every entry to their state machine, as the Go nodes do, it must be a command that theirs can read and that changes nothing.
   */
  readonly noop?: Uint8Array;
}

/** A RaftConfig that cannot work; the message names the field and what it may be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The most servers a cluster may have. */
export const MAX_PEERS = 7;

/** Fills in defaults. Throws ConfigError. */
export function resolveConfig(config: RaftConfig): Required<RaftConfig> {
  const resolved = {
    maxAppendBytes: 1 << 20,
    maxInflightAppends: 4,
    maxUncommittedBytes: 32 << 20,
    retainedBytes: 4 << 20,
    noop: new Uint8Array(0),
    ...config,
    peers: [...config.peers],
  };
  const { id, peers, electionTimeoutTicksMin: min, electionTimeoutTicksMax: max, heartbeatTicks } = resolved;
  for (const peer of peers) check(isCount(peer), `peers: ${peer} is not a non-negative safe integer`);
  check(new Set(peers).size === peers.length, `peers: [${peers.join(", ")}] names a server twice`);
  check(
    peers.length >= 1 && peers.length <= MAX_PEERS,
    `peers: ${peers.length} servers; a cluster has 1 to ${MAX_PEERS}`,
  );
  check(peers.includes(id), `id: ${id} is not one of the peers [${peers.join(", ")}]`);
  check(isCount(heartbeatTicks - 1), `heartbeatTicks: ${heartbeatTicks} is not a positive integer`);
  check(
    isCount(min) && min >= 2 * heartbeatTicks,
    `electionTimeoutTicksMin: ${min} must be an integer and at least twice heartbeatTicks (${heartbeatTicks})`,
  );
  check(
    isCount(max) && max > min,
    `electionTimeoutTicksMax: ${max} must be an integer above electionTimeoutTicksMin (${min})`,
  );
  check(Number.isSafeInteger(resolved.seed), `seed: ${resolved.seed} is not a safe integer`);
  for (const name of ["maxAppendBytes", "maxInflightAppends", "maxUncommittedBytes"] as const) {
    check(isCount(resolved[name] - 1), `${name}: ${resolved[name]} is not a positive integer`);
  }
  check(
    isCount(resolved.retainedBytes),
    `retainedBytes: ${resolved.retainedBytes} is not a non-negative integer`,
  );
  return resolved;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new ConfigError(message);
}
