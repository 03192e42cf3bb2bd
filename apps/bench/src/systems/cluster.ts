import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CallError, GrpcClient } from "./grpc-client.ts";
import { Fields } from "./protobuf.ts";
import { ServerProcess } from "./server-process.ts";
import type { KvSystem, Method, NodePlan, NodeState } from "./system.ts";

const HOST = "127.0.0.1";
const READY_LIMIT_MS = 120_000;
const CALL_LIMIT_MS = 5000;
const ASK_EVERY_MS = 5;

export interface ClusterOptions {
  readonly nodes: number;
  /** A directory of its own is made in there, and goes away with the cluster. */
  readonly workDir: string;
  readonly keepsLog?: boolean;
  readonly compactsEarly?: boolean;
}

/** One server of a cluster, in as many lives as it has. */
export class ClusterNode {
  readonly id: number;
  readonly address: string;
  readonly client: GrpcClient;
  readonly #launch: () => ServerProcess;
  #process: ServerProcess;

  constructor(id: number, address: string, launch: () => ServerProcess) {
    this.id = id;
    this.address = address;
    this.client = new GrpcClient(address);
    this.#launch = launch;
    this.#process = launch();
  }

  get process(): ServerProcess {
    return this.#process;
  }

  /** Only after the process before it is gone. */
  restart(): void {
    this.client.close();
    this.#process = this.#launch();
  }
}

/** A cluster of either system, on loopback, each server in a process of its own with a data directory on disk. */
export class Cluster {
  readonly system: KvSystem;
  readonly nodes: readonly ClusterNode[];
  readonly #dir: string;

  private constructor(system: KvSystem, nodes: readonly ClusterNode[], dir: string) {
    this.system = system;
    this.nodes = nodes;
    this.#dir = dir;
  }

  /** Resolves once a write is acknowledged. */
  static async start(system: KvSystem, options: ClusterOptions): Promise<Cluster> {
    const { keepsLog = false, compactsEarly = false } = options;
    mkdirSync(options.workDir, { recursive: true });
    const dir = mkdtempSync(join(options.workDir, `${system.name}-`));
    const clientPorts = await freePorts(2 * options.nodes);
    const peerPorts = clientPorts.splice(options.nodes);
    const nodes = clientPorts.map((port, id) => {
      const plan: NodePlan = {
        id,
        dir: join(dir, String(id)),
        clientPorts,
        peerPorts,
        keepsLog,
        compactsEarly,
      };
      const command = system.launch(plan);
      return new ClusterNode(id, `${HOST}:${port}`, () => new ServerProcess(command, join(dir, `${id}.log`)));
    });
    const cluster = new Cluster(system, nodes, dir);
    try {
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /**
   * Resolves once a write is acknowledged, by any of these servers: to that one. Each is asked again and again without waiting for earlier answers: a
   * write that was passed on to a server which is gone may get none for seconds, and would hide that others already do. So there is no limit to how many
   * wait, either: etcd, which passes writes on, would be measured by when the first ones are given up.
   */
  async ready(nodes: readonly ClusterNode[] = this.nodes): Promise<ClusterNode> {
    const { promise, resolve, reject } = Promise.withResolvers<ClusterNode>();
    let last: unknown = null;
    const ask = async (node: ClusterNode): Promise<void> => {
      try {
        await this.put(node, "ready", Buffer.from("yes"));
        resolve(node);
      } catch (error) {
        last = error;
      }
    };
    const asking = setInterval(() => {
      try {
        for (const node of nodes) node.process.check();
      } catch (error) {
        reject(error);
      }
      for (const node of nodes) void ask(node);
    }, ASK_EVERY_MS);
    const limit = setTimeout(() => {
      const text = `${this.system.name} acknowledged no write within ${READY_LIMIT_MS} ms`;
      reject(new Error(text, { cause: last }));
    }, READY_LIMIT_MS);
    try {
      return await promise;
    } finally {
      clearInterval(asking);
      clearTimeout(limit);
    }
  }

  async state(node: ClusterNode): Promise<NodeState> {
    const { stateOf } = this.system;
    const answer = await node.client.call(stateOf.path, new Uint8Array(0), { timeoutMs: CALL_LIMIT_MS });
    return stateOf.read(new Fields(answer));
  }

  async leader(): Promise<ClusterNode> {
    for (const deadline = performance.now() + READY_LIMIT_MS; performance.now() < deadline; await sleep(10)) {
      const states = await Promise.allSettled(this.nodes.map((node) => this.state(node)));
      const at = states.findIndex((state) => state.status === "fulfilled" && state.value.isLeader);
      const leader = this.nodes[at];
      if (leader !== undefined) return leader;
    }
    throw new Error(`${this.system.name} has no leader`);
  }

  /** @throws CallError, also where the answer itself is a refusal. */
  async put(node: ClusterNode, key: string, value: Buffer): Promise<void> {
    await this.#call(node, this.system.put, key, value);
  }

  /** The newest value. Null if there is none. */
  async get(node: ClusterNode, key: string): Promise<Buffer | null> {
    const { get } = this.system;
    return get.value(await this.#call(node, get, key, Buffer.alloc(0)));
  }

  /** What this server has by itself. */
  async staleGet(node: ClusterNode, key: string): Promise<Buffer | null> {
    const { staleGet } = this.system;
    return staleGet.value(await this.#call(node, staleGet, key, Buffer.alloc(0), staleGet.headers));
  }

  /** Processor time of all servers together. */
  cpuMs(): number {
    return this.nodes.reduce((sum, node) => sum + node.process.cpuMs(), 0);
  }

  /** Ends the servers, at once, and removes their data. */
  async stop(): Promise<void> {
    for (const node of this.nodes) node.client.close();
    await Promise.all(this.nodes.map((node) => node.process.kill()));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #call(
    node: ClusterNode,
    method: Method,
    key: string,
    value: Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Fields> {
    const request = method.encode(key, value);
    const answer = new Fields(
      await node.client.call(method.path, request, { timeoutMs: CALL_LIMIT_MS, headers }),
    );
    const refusal = method.refusal(answer);
    if (refusal !== null) throw new CallError(null, refusal);
    return answer;
  }
}

/** Ports that nobody listens on at the moment. All are held until the last is found, so no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, HOST, resolve);
      });
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("a listening server has a port");
      return address.port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
