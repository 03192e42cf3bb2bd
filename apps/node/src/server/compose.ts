import type { ConnectRouter } from "@connectrpc/connect";
import type { Storage } from "@eraft/core";
import { type KvQuery, KvStateMachine, kvRoutes } from "@eraft/kv";
import { type Logger, NodeFailedError, RaftNode, systemClock } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { WalStorage } from "@eraft/storage-wal";
import { ConnectTransport } from "@eraft/transport-connect";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { adminRoutes } from "./admin-routes.ts";
import type { ServeConfig } from "./config.ts";
import { WatchedTransport } from "./watched-transport.ts";

/** A node whose state machine is the key-value store. */
export type KvRaftNode = RaftNode<Uint8Array, KvQuery>;

/** What a server is made of. */
export interface Parts {
  readonly node: KvRaftNode;
  /** Registers the three services: raftpb for the other nodes, kvraftpb for clients, eraft.admin for operators. */
  readonly routes: (router: ConnectRouter) => void;
}

/** From configuration to parts. Touches neither disk nor network. */
export function compose(config: ServeConfig, logger: Logger): Parts {
  const { id, cluster, electionTimeoutMs, heartbeatMs, snapshotBytes } = config;
  const transport = new ConnectTransport({ id, connect: (address) => nodePeerConnection(address) });
  const node: KvRaftNode = new RaftNode<Uint8Array, KvQuery>({
    id,
    peers: new Map(cluster.map(({ text }, position) => [position, text])),
    storage: createStorage(config.storage),
    transport: new WatchedTransport(transport, systemClock, logger),
    stateMachine: new KvStateMachine(),
    electionTimeoutMs,
    heartbeatMs,
    snapshotBytes,
    logger: withoutFailures(logger),
  });
  return {
    node,
    routes: (router) => {
      transport.routes(router);
      kvRoutes(node)(router);
      adminRoutes(node)(router);
    },
  };
}

function createStorage(storage: ServeConfig["storage"]): Storage {
  switch (storage.type) {
    case "wal":
      return new WalStorage({ dir: storage.dir });
    case "memory":
      return new MemoryStorage();
  }
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
