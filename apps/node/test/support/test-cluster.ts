import { KvClient, type KvClientOptions, KvraftClient, type KvraftClientOptions } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePorts } from "./ports.ts";
import { EraftProcess, type Exit, type SpawnOptions, runEraft } from "./process.ts";
import { runMain } from "./run-main.ts";

export interface TestClusterOptions {
  /** Default 3. */
  readonly nodes?: number;
  /** Further flags of `eraft serve`. Default: timers that are shorter than the product's, and still long for a busy machine. */
  readonly flags?: readonly string[];
}

/** A row of `eraft status --json`. */
export interface StatusRow {
  readonly id: number;
  readonly address: string;
  readonly state: "Follower" | "Candidate" | "Leader" | "Offline";
  readonly term?: number;
  readonly last_applied?: number;
  readonly commit_index?: number;
  readonly storage_size?: number;
}

const QUICK = ["--heartbeat-ms", "50", "--election-timeout-ms", "400"];

/** A cluster of real processes with a directory of its own. Whoever starts one calls `stop`, also when something went wrong. */
export class TestCluster {
  readonly addresses: readonly string[];
  /** Everything on disk; gone after `stop`. */
  readonly dir: string;
  readonly #flags: readonly string[];
  readonly #processes = new Map<number, EraftProcess>();
  readonly #closers: (() => void)[] = [];

  constructor(addresses: readonly string[], dir: string, flags: readonly string[]) {
    this.addresses = addresses;
    this.dir = dir;
    this.#flags = flags;
  }

  /** Resolves once every node listens; `leader` waits for an election. */
  static async start({ nodes = 3, flags = QUICK }: TestClusterOptions = {}): Promise<TestCluster> {
    const ports = await freePorts(nodes);
    const dir = await mkdtemp(join(tmpdir(), "eraft-test-"));
    const cluster = new TestCluster(
      ports.map((port) => `127.0.0.1:${port}`),
      dir,
      flags,
    );
    try {
      await Promise.all(cluster.addresses.map((_, id) => cluster.restart(id)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The flags with which every command finds this cluster. */
  get clusterFlags(): readonly string[] {
    return ["--cluster", this.addresses.join(",")];
  }

  dataDir(id: number): string {
    return join(this.dir, `node-${id}`);
  }

  /** The command line of node `id`, after `eraft`. */
  serveArgs(id: number): readonly string[] {
    return [
      "serve",
      "--id",
      String(id),
      ...this.clusterFlags,
      "--data-dir",
      this.dataDir(id),
      ...this.#flags,
    ];
  }

  /** The process of a node that runs. */
  process(id: number): EraftProcess {
    const process = this.#processes.get(id);
    if (process === undefined) throw new Error(`node ${id} does not run`);
    return process;
  }

  /** The nodes that run. */
  get running(): readonly number[] {
    return [...this.#processes.keys()].toSorted((a, b) => a - b);
  }

  /** Ends a node; resolves once its process is gone. */
  async kill(id: number, signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    const process = this.process(id);
    const exit = await process.kill(signal);
    this.#processes.delete(id);
    return exit;
  }

  /** Starts a node that does not run, with its data; resolves once it listens. */
  async restart(id: number, options: SpawnOptions = {}): Promise<void> {
    if (this.#processes.has(id)) throw new Error(`node ${id} runs already`);
    const process = new EraftProcess(this.serveArgs(id), options);
    this.#processes.set(id, process);
    await process.says(/^listening/m);
  }

  /** What the command line says of every node. */
  async status(): Promise<readonly StatusRow[]> {
    const { stdout } = await this.run("status", "--json");
    return JSON.parse(stdout) as readonly StatusRow[];
  }

  /** Waits until a majority knows one leader, and gives its id. */
  async leader(): Promise<number> {
    return eventually(async () => {
      const rows = await this.status();
      const leader = rows.find(({ state }) => state === "Leader");
      const followers = rows.filter(({ state, term }) => state === "Follower" && term === leader?.term);
      if (leader === undefined || 2 * (followers.length + 1) <= rows.length) throw new Error("no leader");
      return leader.id;
    });
  }

  /** Waits until every node that runs has applied the same, and what is committed. */
  async converged(): Promise<void> {
    await eventually(async () => {
      const rows = (await this.status()).filter(({ state }) => state !== "Offline");
      const applied = new Set(rows.flatMap((row) => [row.last_applied, row.commit_index]));
      if (rows.length !== this.running.length || applied.size !== 1) throw new Error(JSON.stringify(rows));
    });
  }

  /** A client of the Go nodes' contract, closed by `stop`. */
  client(options: Partial<KvraftClientOptions> = {}): KvraftClient {
    const client = new KvraftClient({ addresses: this.addresses, connect: this.#connections(), ...options });
    this.#closers.push(() => client.close());
    return client;
  }

  /** A client of `eraft.kv.v1`, closed by `stop`. */
  kvClient(options: Partial<KvClientOptions> = {}): KvClient {
    const client = new KvClient({ addresses: this.addresses, connect: this.#connections(), ...options });
    this.#closers.push(() => client.close());
    return client;
  }

  /** Makes connections, to be closed by `stop`. */
  #connections(): (address: string) => ReturnType<typeof nodePeerConnection> {
    return (address) => {
      const connection = nodePeerConnection(address);
      this.#closers.push(() => connection.close());
      return connection;
    };
  }

  /** Runs a command against this cluster without a process for it: many times faster. */
  run(command: string, ...args: readonly string[]): ReturnType<typeof runMain> {
    return runMain(command, ...this.clusterFlags, ...args);
  }

  /** Runs a command against this cluster as a user would. */
  eraft(command: string, ...args: readonly string[]): Promise<Exit> {
    return runEraft([command, ...this.clusterFlags, ...args]);
  }

  /** Ends everything and removes the directory, unless that is to be kept. */
  async stop(keepDir = false): Promise<void> {
    for (const close of this.#closers) close();
    await Promise.all(this.running.map((id) => this.kill(id)));
    if (!keepDir) await rm(this.dir, { recursive: true, force: true });
  }
}
