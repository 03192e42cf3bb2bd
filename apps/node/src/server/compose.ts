import type { NodeId } from "@eraft/core";
import { type KvQuery, MAX_COMMAND_BYTES } from "@eraft/kv";
import { type Logger, NodeFailedError, RaftNode, systemClock } from "@eraft/runtime";
import type { ConnectTransport } from "@eraft/transport-connect";
import type { Beginning, ServeConfig } from "./config.ts";
import type { Disk } from "./disk.ts";
import { Redirections } from "./redirections.ts";
import { RedirectedTransport } from "./redirected-transport.ts";
import type { NodeStateMachine } from "./state.ts";
import { WatchedTransport } from "./watched-transport.ts";

/** A node whose state machine is the key-value store. */
export type KvRaftNode = RaftNode<Uint8Array, KvQuery>;

/** From configuration to a node. Touches neither disk nor network. */
export function compose(
  config: ServeConfig,
  parts: {
    readonly disk: Disk;
    readonly transport: ConnectTransport;
    readonly stateMachine: NodeStateMachine;
    readonly logger: Logger;
  },
): KvRaftNode {
  const { id, beginning, electionTimeoutMs, heartbeatMs, snapshotBytes, maxClockDriftPercent } = config;
  const { transport, stateMachine, logger } = parts;
  const { identity, storage } = parts.disk;
  const peers = addressesIn(beginning);
  const watched = new WatchedTransport(transport, systemClock, logger);
  return new RaftNode<Uint8Array, KvQuery>({
    id,
    peers,
    storage,
    transport: config.readdress ? new RedirectedTransport(watched, new Redirections(peers)) : watched,
    stateMachine,
    identity: {
      clusterId: identity.clusterId,
      incarnation: identity.incarnation,
      starts: identity.starts,
      onClusterId: (clusterId) => identity.adoptCluster(clusterId),
    },
    electionTimeoutMs,
    heartbeatMs,
    snapshotBytes,
    maxCommandBytes: MAX_COMMAND_BYTES,
    ...(maxClockDriftPercent === null ? {} : { leaseReads: { maxClockDrift: maxClockDriftPercent / 100 } }),
    // The server does it itself, while it can still be reached.
    transferOnStop: false,
    logger: withoutFailures(logger),
  });
}

/** Where the nodes are that the cluster begins with. */
export function addressesIn(beginning: Beginning): ReadonlyMap<NodeId, string> {
  const members = beginning.type === "found" ? [...beginning.members] : [];
  return new Map(members.map(([id, { text }]) => [id, text]));
}

/** The server reports the end of its node itself: when it happens at the start, one line for people is all there should be. */
function withoutFailures(logger: Logger): Logger {
  return {
    info: (message, details) => logger.info(message, details),
    warn: (message, details) => logger.warn(message, details),
    error: (message, details) => {
      if (details && "error" in details && details.error instanceof NodeFailedError) return;
      logger.error(message, details);
    },
  };
}
