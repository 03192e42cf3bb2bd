import {
  type Clock,
  type NodeId,
  Raft,
  type RaftConfig,
  type StateMachine,
  type Storage,
  type Transport,
} from "@eraft/core";
import { systemClock } from "./clock.ts";
import { InvalidOptionError, messageOf } from "./errors.ts";
import { checkIdentity, type NodeIdentity } from "./identities.ts";
import { defaultLogger, guarded, type Logger } from "./logger.ts";
import { MOST_TIMES } from "./snapshots/local.ts";

/** Turns what the application proposes into the bytes that the log keeps and that its state machine will read. */
export interface CommandCodec<Command> {
  /** Not empty; a throw rejects the proposal and nothing else. */
  encode(command: Command): Uint8Array;
}

type RaftTuning = Pick<
  RaftConfig,
  | "maxAppendBytes"
  | "maxInflightAppends"
  | "maxInflightBytes"
  | "maxUncommittedBytes"
  | "retainedBytes"
  | "maxRetainedBytes"
  | "preVote"
>;

/**
 * For a while after a majority has heard from the leader, no other server can be elected: so long the leader may answer reads without asking anybody
 * (dissertation, 6.4.1). How long that while is, each server measures by its own clock.
 */
export interface LeaseReads {
  /**
   * By how much the clocks of two servers may differ in speed: 0.05 if, while one second passes on one, 0.95 to 1.05 seconds pass on another. What time they
   * show does not matter. If that is wrong, reads may miss writes. From 0 to 1, exclusive.
   */
  readonly maxClockDrift: number;
}

/** What a {@link RaftNode} is made of. The four ports belong to the node from `start` to `stop`. */
export interface RaftNodeOptions<
  Command = Uint8Array,
  Query = unknown,
  Result = unknown,
  Answer = Result,
> extends RaftTuning {
  /** This server's key in `peers`. */
  readonly id: NodeId;
  /**
   * The address of every server that the cluster begins with, this one included: 1 to 7. Empty for a server that is to join a cluster which is there
   * already: it waits for the leader to speak to it, see `RaftNode.addVoter`. Once log or snapshot name the members they count, and of this only addresses
   * that they leave open.
   */
  readonly peers: ReadonlyMap<NodeId, string>;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly stateMachine: StateMachine<Query, Result, Answer>;
  /** Needed if commands are anything but `Uint8Array`; those pass through untouched. */
  readonly codec?: CommandCodec<Command>;
  /** A leader is heard at least this often. Default 125; at least 2. */
  readonly heartbeatMs?: number;
  /** A follower that hears nothing stands for election after 1 to 2 times this. Default 1000; at least twice `heartbeatMs`. */
  readonly electionTimeoutMs?: number;
  /**
   * A snapshot is taken when it would make this much of the log superfluous, or as much as the last one was large if that is more, but no more than four times
   * this. Default 8 MiB.
   */
  readonly snapshotBytes?: number;
  /** Requests that may wait at a time before more are refused as busy. Default 10,000. */
  readonly maxPendingRequests?: number;
  /** Bytes of commands that may wait at a time before more are refused as busy. Default 64 MiB; at least `maxCommandBytes`. */
  readonly maxPendingBytes?: number;
  /**
   * Commands and reads that would have to wait for about this long, because so many wait already, are refused as busy. Default a quarter of
   * `electionTimeoutMs`, which should be many times what a round trip and a write take. Should be well below the time after which callers give up.
   */
  readonly maxWaitMs?: number;
  /** The largest command. Default 1 MiB: one that no message can carry would block the log behind it for ever. */
  readonly maxCommandBytes?: number;
  /** For reads with the consistency `lease`. On all servers the same, or on none. Default: none, such reads are linearizable ones. */
  readonly leaseReads?: LeaseReads;
  /** A leader that is stopped hands its leadership over first, see `RaftNode.stop`. Default true. */
  readonly transferOnStop?: boolean;
  /** Which disk this server speaks for. Not in clusters with Go nodes. Default: it does not say, and takes everybody at their word. */
  readonly identity?: NodeIdentity;
  /** Seed of the election timeouts, a safe integer; different on every server. Default: random. */
  readonly seed?: number;
  readonly clock?: Clock;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger;
}

/** The options with defaults filled in and times turned into ticks. */
export interface Settings<Command, Query, Result, Answer> {
  readonly id: NodeId;
  readonly peers: ReadonlyMap<NodeId, string>;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly stateMachine: StateMachine<Query, Result, Answer>;
  readonly codec: CommandCodec<Command> | null;
  readonly tickMs: number;
  readonly snapshotBytes: number;
  readonly maxPendingRequests: number;
  readonly maxPendingBytes: number;
  readonly maxWaitMs: number;
  readonly maxCommandBytes: number;
  readonly electionTimeoutMs: number;
  readonly transferOnStop: boolean;
  readonly identity: NodeIdentity | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly raft: RaftConfig;
}

/** A heartbeat is this many ticks: enough for election timeouts to differ, few enough to cost nothing. */
const TICKS_PER_HEARTBEAT = 5;

/** As much log as is worth keeping in memory for followers that are behind. */
const MAX_RETAINED_BYTES = 4 << 20;

/** @throws InvalidOptionError */
export function resolveOptions<Command, Query, Result, Answer>(
  options: RaftNodeOptions<Command, Query, Result, Answer>,
): Settings<Command, Query, Result, Answer> {
  const { id, peers, storage, transport, stateMachine, codec, clock, logger, identity, leaseReads, ...rest } =
    options;
  const {
    heartbeatMs,
    electionTimeoutMs,
    snapshotBytes,
    maxPendingRequests,
    maxPendingBytes,
    maxWaitMs,
    maxCommandBytes,
    transferOnStop,
    seed,
    ...tuning
  } = {
    heartbeatMs: 125,
    electionTimeoutMs: 1000,
    snapshotBytes: 8 << 20,
    maxPendingRequests: 10_000,
    maxPendingBytes: 64 << 20,
    maxWaitMs: (rest.electionTimeoutMs ?? 1000) / 4,
    transferOnStop: true,
    maxCommandBytes: 1 << 20,
    seed: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
    ...rest,
  };
  checkPorts(options);
  check(peers instanceof Map, "peers: must be a Map from server id to address.");
  checkAtLeast("heartbeatMs", heartbeatMs, 2);
  checkAtLeast("electionTimeoutMs", electionTimeoutMs, 2 * heartbeatMs, "twice heartbeatMs");
  for (const [name, value] of Object.entries({
    snapshotBytes,
    maxPendingRequests,
    maxWaitMs,
    maxCommandBytes,
  })) {
    checkAtLeast(name, value, 1);
  }
  checkAtLeast("maxPendingBytes", maxPendingBytes, maxCommandBytes, `maxCommandBytes (${maxCommandBytes})`);
  if (identity !== undefined) checkIdentity(identity);
  const tickMs = Math.max(1, heartbeatMs / TICKS_PER_HEARTBEAT);
  const heartbeatTicks = Math.floor(heartbeatMs / tickMs);
  const electionTimeoutTicksMin = Math.ceil(electionTimeoutMs / tickMs);
  const raft: RaftConfig = {
    ...(tuning.retainedBytes === undefined ? retentionFor(Math.ceil(snapshotBytes)) : {}),
    ...tuning,
    id,
    peers: [...peers.keys()],
    addresses: peers,
    incarnation: identity?.incarnation ?? null,
    leaseDuration:
      leaseReads === undefined ? null : leaseMs(leaseReads, electionTimeoutTicksMin * tickMs, tickMs),
    electionTimeoutTicksMin,
    electionTimeoutTicksMax: 2 * electionTimeoutTicksMin,
    heartbeatTicks,
    seed,
  };
  checkRaft(raft);
  return {
    id,
    peers: new Map(peers),
    storage,
    transport,
    stateMachine,
    codec: codec ?? null,
    tickMs,
    snapshotBytes,
    maxPendingRequests,
    maxPendingBytes,
    maxWaitMs,
    maxCommandBytes,
    electionTimeoutMs,
    transferOnStop,
    identity: identity ?? null,
    clock: clock ?? systemClock,
    logger: guarded(logger ?? defaultLogger),
    raft,
  };
}

/** How much log is kept below the own snapshot, unless that is said. */
function retentionFor(snapshotBytes: number): Pick<RaftConfig, "retainedBytes" | "maxRetainedBytes"> {
  // A follower that is behind by less than a snapshot's worth of log gets that, and no snapshot.
  const retainedBytes = Math.min(snapshotBytes, MAX_RETAINED_BYTES);
  // A snapshot is taken while another one is on its way: then all of the log between the two has to be there, or the transfer was in vain.
  return { retainedBytes, maxRetainedBytes: Math.max(8 * retainedBytes, (MOST_TIMES + 1) * snapshotBytes) };
}

/**
 * A follower that hears from its leader votes for nobody for an election timeout. It counts that in ticks, of which the first may be due at once, and the one
 * before it late by nearly a whole one; a timer may fire a little early. On the leader's clock, that time may be shorter by the drift.
 */
function leaseMs({ maxClockDrift }: LeaseReads, electionTimeoutMs: number, tickMs: number): number {
  check(
    maxClockDrift >= 0 && maxClockDrift < 1,
    `leaseReads.maxClockDrift: ${maxClockDrift} must be a number from 0 to 1, exclusive.`,
  );
  return (electionTimeoutMs - 3 * tickMs) * (1 - maxClockDrift);
}

function checkPorts(options: object): void {
  for (const name of ["storage", "transport", "stateMachine"]) {
    const port: unknown = Object.entries(options).find(([key]) => key === name)?.[1];
    check(typeof port === "object" && port !== null, `${name}: is missing.`);
  }
}

/** The core checks its own part, and would only say so at the start: after the storage was opened. */
function checkRaft(config: RaftConfig): void {
  try {
    void new Raft(config, { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] }, 0);
  } catch (error) {
    throw new InvalidOptionError(`${messageOf(error)}.`, { cause: error });
  }
}

function checkAtLeast(name: string, value: number, least: number, meaning = String(least)): void {
  check(Number.isFinite(value) && value >= least, `${name}: ${value} must be a number, at least ${meaning}.`);
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new InvalidOptionError(message);
}
