import type { NodeFailedError } from "@eraft/runtime";
import { type RpcServer, serve } from "@eraft/transport-connect/node";
import type { JsonLogger } from "../logger.ts";
import { type KvRaftNode, compose } from "./compose.ts";
import type { ServeConfig } from "./config.ts";
import { claimDataDir } from "./data-dir-owner.ts";
import { answerHttp } from "./health.ts";

/** One node of a cluster with its port. Lives once. */
export class Server {
  /** Resolves when the node has failed after it had started. It never serves again; all that is left is `stop`. */
  readonly failed: Promise<NodeFailedError>;
  readonly #config: ServeConfig;
  readonly #logger: JsonLogger;
  readonly #node: KvRaftNode;
  readonly #routes: Parameters<typeof serve>[0]["routes"];
  #rpc: RpcServer | null = null;

  /** Touches neither disk nor network. */
  constructor(config: ServeConfig, logger: JsonLogger) {
    const { node, routes } = compose(config, logger);
    this.#config = config;
    this.#logger = logger;
    this.#node = node;
    this.#routes = routes;
    this.failed = new Promise((resolve) => node.on("failure", resolve));
  }

  /**
   * Resolves once this node can be reached and its storage is read. The port comes first: it is free or not at once, while a long log
   * takes its time, in which probes should find somebody who says "starting". RPCs are answered UNAVAILABLE until then.
   */
  async start(): Promise<void> {
    const { id, cluster, storage } = this.#config;
    const address = cluster[id];
    if (address === undefined) throw new Error(`no address for node ${id}`);
    this.#rpc = serve({
      host: address.host,
      port: address.port,
      routes: this.#routes,
      fallback: (request, response) => answerHttp(request, response, () => this.#node.status()),
    });
    await this.#rpc.listening;
    if (storage.type === "wal") await claimDataDir(storage.dir, id);
    await this.#node.start();
    this.#report();
  }

  /**
   * Lets calls under way finish, for a second at most, then stops the node and closes its storage. The node goes on until then:
   * a write that a client waits for needs it.
   */
  async stop(): Promise<void> {
    await this.#rpc?.close();
    await this.#node.stop();
  }

  #report(): void {
    const { id, cluster, storage } = this.#config;
    const { term, lastLogIndex, snapshotIndex } = this.#node.status();
    const details = {
      address: cluster[id]?.text,
      nodes: cluster.length,
      storage,
      term,
      lastLogIndex,
      snapshotIndex,
    };
    this.#logger.info("Started.", details);
    if (storage.type === "memory") {
      this.#logger.warn("With memory storage a restart forgets votes and log: use it for experiments only.");
    }
    this.#node.on("snapshot", (snapshot) => {
      const verb = snapshot.source === "local" ? "Took" : "Received";
      this.#logger.info(`${verb} a snapshot up to index ${snapshot.lastIncludedIndex}.`, snapshot);
    });
    this.#node.on("failure", (error) => this.#logger.error(error.message, { error }));
  }
}
