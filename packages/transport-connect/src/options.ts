import type { Clock, NodeId, PeerIdentity } from "@eraft/core";
import type { Transport as RpcTransport } from "@connectrpc/connect";
import type { OpenPipe } from "./stream/pipe.ts";

/**
 * A way to call one peer: any Connect transport will do. If it has a `close`, it is called when the peer is removed, moves to another
 * address, or the transport stops; calls still open then must fail. If it has an `open`, that is used for streams instead of `stream`.
 */
export type PeerConnection = RpcTransport & { close?(): void; readonly open?: OpenPipe };

/** How long something may take, in milliseconds from 1. The defaults of the unary calls are those of eraft's Go nodes. */
export interface Deadlines {
  /** A unary call. Default 100. */
  readonly requestVoteMs: number;
  /** A unary call. Default 100. */
  readonly appendEntriesMs: number;
  /** A unary call. Default 1000: the time to carry the whole snapshot and to have it stored by the peer. */
  readonly installSnapshotMs: number;
  /** From calling a peer by a stream, connection included, to its welcome. Default 2000. */
  readonly handshakeMs: number;
  /** How long a snapshot on a stream may make no progress, connected or not, until either end gives it up. Default 10000. */
  readonly snapshotIdleMs: number;
}

/** What one server is willing to hold in memory for its peers, and to send to them. All from 1, except where it says otherwise. */
export interface Limits {
  /** Requests to one peer that it has not answered. Default 32. */
  readonly maxInFlight: number;
  /** Of those, how many are kept free for votes and heartbeats, which carry no entries. From 0 below `maxInFlight`. Default 4. */
  readonly reservedInFlight: number;
  /** Bytes of entries in these; a single message may exceed it when it is alone. Default 16 MiB. */
  readonly maxInFlightBytes: number;
  /** Bytes of an outgoing AppendEntries. Default 4 MiB less 1 KiB, since a Go node refuses a message above 4 MiB. */
  readonly maxMessageBytes: number;
  /** Bytes of a snapshot in a unary call. Default 64 MiB less 1 KiB, which our own nodes accept. Go nodes accept 4 MiB. */
  readonly maxSnapshotBytes: number;
  /** Bytes of a snapshot on a stream that are sent and not yet stored by the peer, and that either end keeps in memory. Default 4 MiB. */
  readonly snapshotWindowBytes: number;
  /** Bytes of one snapshot that are sent in a second on a stream, so that it leaves room for others. Default null, as fast as it goes. */
  readonly snapshotBytesPerSecond: number | null;
  /** Bytes of an incoming message; above it the answer is RESOURCE_EXHAUSTED. Default 64 MiB: Go nodes send their whole tail. */
  readonly readMaxBytes: number;
  /** Unary requests of one peer handed to the receiver and not answered yet; above it the answer is RESOURCE_EXHAUSTED. Default 256. */
  readonly maxOpenExchanges: number;
  /** Bytes of entries and snapshots in all those requests; a single one may exceed it when it is alone. Default 256 MiB. */
  readonly maxOpenBytes: number;
  /** Milliseconds after which a request that is never answered is forgotten, by those who ask and by those who are asked. Default 10000. */
  readonly maxHoldMs: number;
  /** Milliseconds by which every error reply to a unary call is delayed, from 0. Default 50: a Go leader repeats a failed call with no pause. */
  readonly errorDelayMs: number;
}

export interface ConnectTransportOptions {
  /** This server's id. */
  readonly id: NodeId;
  /** Makes a connection to a peer, given as `host:port`: one for what is small, one for entries, and one for each snapshot. */
  readonly connect: (address: string) => PeerConnection;
  /** Speak and serve `eraft.peer.v1`, with peers that do. Default true; false for the unary `raftpb.RaftService` only. */
  readonly streams?: boolean;
  /** What this server says of itself to peers that it has a stream with; asked for each stream. Default: nothing. */
  readonly identity?: () => PeerIdentity;
  readonly deadlines?: Partial<Deadlines>;
  readonly limits?: Partial<Limits>;
  /** Default: the clock of the platform. */
  readonly clock?: Clock;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_DEADLINES: Deadlines = {
  requestVoteMs: 100,
  appendEntriesMs: 100,
  installSnapshotMs: 1000,
  handshakeMs: 2000,
  snapshotIdleMs: 10_000,
};

export const DEFAULT_LIMITS: Limits = {
  maxInFlight: 32,
  reservedInFlight: 4,
  maxInFlightBytes: 16 * MIB,
  maxMessageBytes: 4 * MIB - KIB,
  maxSnapshotBytes: 64 * MIB - KIB,
  snapshotWindowBytes: 4 * MIB,
  snapshotBytesPerSecond: null,
  readMaxBytes: 64 * MIB,
  maxOpenExchanges: 256,
  maxOpenBytes: 256 * MIB,
  maxHoldMs: 10_000,
  errorDelayMs: 50,
};

/** Fills in the defaults. Throws a RangeError that names the option at fault. */
export function checkDeadlines(given: Partial<Deadlines> = {}): Deadlines {
  const deadlines = { ...DEFAULT_DEADLINES, ...given };
  for (const [name, value] of Object.entries(deadlines)) checkInteger(name, value, 1);
  return deadlines;
}

/** Fills in the defaults. Throws a RangeError that names the option at fault. */
export function checkLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const fromZero = new Set(["reservedInFlight", "errorDelayMs"]);
  for (const [name, value] of Object.entries(limits)) {
    if (value === null && name === "snapshotBytesPerSecond") continue;
    checkInteger(name, value, fromZero.has(name) ? 0 : 1);
  }
  if (limits.reservedInFlight >= limits.maxInFlight) {
    throw new RangeError(
      `reservedInFlight (${limits.reservedInFlight}) must be below maxInFlight (${limits.maxInFlight})`,
    );
  }
  return limits;
}

export function checkNodeId(id: NodeId): NodeId {
  return checkInteger("node id", id, 0);
}

function checkInteger(name: string, value: number | null, min: number): number {
  if (value === null || !Number.isSafeInteger(value) || value < min) {
    throw new RangeError(`${name} must be a safe integer from ${min}, not ${String(value)}`);
  }
  return value;
}
