import type { NodeId } from "./types.ts";

/** How a server is set up. Time is counted in ticks, whose length is the caller's choice. */
export interface RaftConfig {
  readonly id: NodeId;
  /**
   * The voters that the cluster begins with, `id` among them: 1 to 7. Empty for a server that joins a cluster which is there already: it waits for
   * the leader to speak. Once log or snapshot hold a configuration, that one counts, and not this.
   */
  readonly peers: readonly NodeId[];
  /** Where `peers` are, for configurations that are derived from the first one. */
  readonly addresses?: ReadonlyMap<NodeId, string>;
  /** The disk that this server speaks for; see Member. */
  readonly incarnation?: string | null;
  /** A follower that hears nothing for this long, or up to `electionTimeoutTicksMax`, stands for election (dissertation, 3.4). */
  readonly electionTimeoutTicksMin: number;
  /** Exclusive; the timeout is drawn anew each time from [min, max). */
  readonly electionTimeoutTicksMax: number;
  /** At most half of `electionTimeoutTicksMin`, so that one lost heartbeat does not cost the leadership. */
  readonly heartbeatTicks: number;
  /**
   * Seed of this server's randomness, any safe integer. Servers of a cluster need different ones, and a server another one at each start: by what
   * comes of it, answers to its earlier life are told from those to this one.
   */
  readonly seed: number;
  /** Bytes of entries in one AppendEntries; a single larger entry travels alone. Default 1 MiB. */
  readonly maxAppendBytes?: number;
  /** AppendEntries with entries on their way to one follower at a time. Default 4: more would make batches smaller, not latency. */
  readonly maxInflightAppends?: number;
  /** Bytes of entries on their way to one follower at a time; one AppendEntries may always be. Default 8 MiB. */
  readonly maxInflightBytes?: number;
  /** A leader answers `busy` while this many bytes in its log wait to be committed. Default 32 MiB. */
  readonly maxUncommittedBytes?: number;
  /** Bytes of entries kept in memory below the own snapshot, so that a follower only slightly behind needs no snapshot. Default 4 MiB. */
  readonly retainedBytes?: number;
  /** Bytes of entries that a leader keeps below its snapshot at most, for followers that are catching up with it just now. Default 8 times `retainedBytes`. */
  readonly maxRetainedBytes?: number;
  /**
   * Entries in memory that are applied are kept together, so many in one piece of memory. The last ones, 4 to 8 times as many, are not. Default 256.
   */
  readonly entriesInBlock?: number;
  /**
   * The command with which a leader opens its term. Default: empty, which no state machine gets to see. In a cluster with servers that hand
   * every entry to their state machine, as the Go nodes do, it must be a command that theirs can read and that changes nothing.
   */
  readonly noop?: Uint8Array;
  /**
   * Ask whether an election could be won before standing in one (9.6), and vote for nobody while one hears from a leader (4.2.3): a server that was
   * cut off, or removed, then disturbs nobody. Default true; false is Raft as in Figure 3.1.
   */
  readonly preVote?: boolean;
  /**
   * Allows reads that rely on clocks (6.4.1), the `time` input giving the unit. For so long after a majority has heard from the leader no other one
   * can be elected: it must be shorter than `electionTimeoutTicksMin` by more than the clocks of two servers can differ over that time. Must be
   * set on all servers or on none: with it, a server that restarts votes for nobody for one election timeout. Default null, no such reads.
   */
  readonly leaseDuration?: number | null;
}

export type ResolvedConfig = Required<RaftConfig>;

/** A RaftConfig that cannot work; the message names the field and what it may be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The most servers a cluster may have. */
export const MAX_PEERS = 7;

const DEFAULT_RETAINED_BYTES = 4 << 20;

/** Fills in defaults. Throws ConfigError. */
export function resolveConfig(config: RaftConfig): ResolvedConfig {
  const resolved = {
    maxAppendBytes: 1 << 20,
    maxInflightAppends: 4,
    maxUncommittedBytes: 32 << 20,
    retainedBytes: DEFAULT_RETAINED_BYTES,
    maxRetainedBytes: 8 * (config.retainedBytes ?? DEFAULT_RETAINED_BYTES),
    maxInflightBytes: 8 << 20,
    entriesInBlock: 256,
    noop: new Uint8Array(0),
    addresses: new Map<NodeId, string>(),
    incarnation: null,
    preVote: true,
    leaseDuration: null,
    ...config,
    peers: [...config.peers],
  };
  const { id, peers, electionTimeoutTicksMin: min, electionTimeoutTicksMax: max, heartbeatTicks } = resolved;
  for (const peer of peers) check(isCount(peer), `peers: ${peer} is not a non-negative safe integer`);
  check(new Set(peers).size === peers.length, `peers: [${peers.join(", ")}] names a server twice`);
  check(peers.length <= MAX_PEERS, `peers: ${peers.length} servers; a cluster has 1 to ${MAX_PEERS}`);
  check(isCount(id), `id: ${id} is not a non-negative safe integer`);
  check(peers.length === 0 || peers.includes(id), `id: ${id} is not one of the peers [${peers.join(", ")}]`);
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
  for (const name of [
    "maxAppendBytes",
    "maxInflightAppends",
    "maxInflightBytes",
    "maxUncommittedBytes",
    "entriesInBlock",
  ] as const) {
    check(isCount(resolved[name] - 1), `${name}: ${resolved[name]} is not a positive integer`);
  }
  for (const name of ["retainedBytes", "maxRetainedBytes"] as const) {
    check(isCount(resolved[name]), `${name}: ${resolved[name]} is not a non-negative integer`);
  }
  const { leaseDuration, preVote } = resolved;
  check(
    leaseDuration === null || (leaseDuration > 0 && Number.isFinite(leaseDuration)),
    `leaseDuration: ${leaseDuration} is not a positive number`,
  );
  check(
    leaseDuration === null || preVote,
    "leaseDuration: needs preVote, or others may be elected meanwhile",
  );
  return resolved;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new ConfigError(message);
}
