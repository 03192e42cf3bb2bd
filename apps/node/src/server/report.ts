import type { JsonLogger } from "../logger.ts";
import type { KvRaftNode } from "./compose.ts";
import type { ServeConfig } from "./config.ts";

/** Logs that the node has started, and from then on what an operator should know and the node itself does not log. */
export function report(node: KvRaftNode, config: ServeConfig, logger: JsonLogger): void {
  const { listen, storage } = config;
  const { term, lastLogIndex, snapshotIndex, membership, identity } = node.status();
  logger.info("Started.", {
    address: listen.text,
    nodes: membership.members.length,
    cluster: identity?.clusterId ?? null,
    incarnation: identity?.incarnation,
    starts: identity?.starts,
    storage,
    term,
    lastLogIndex,
    snapshotIndex,
  });
  if (storage.type === "memory") {
    logger.warn("With memory storage a restart forgets votes and log: use it for experiments only.");
  }
  node.on("snapshot", (snapshot) => {
    const verb = snapshot.source === "local" ? "Took" : "Received";
    logger.info(`${verb} a snapshot up to index ${snapshot.lastIncludedIndex}.`, snapshot);
  });
  node.on("failure", (error) => logger.error(error.message, { error }));
}
