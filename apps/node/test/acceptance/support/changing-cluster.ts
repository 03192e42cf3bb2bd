import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinkProxy } from "../../chaos/proxy/link-proxy.ts";
import { Random } from "../../chaos/random.ts";
import { freePorts } from "../../support/ports.ts";
import type { SpawnOptions } from "../../support/process.ts";
import { runMain } from "../../support/run-main.ts";
import { TestCluster } from "../../support/test-cluster.ts";
import { type MemorySample, probeArgs, readSamples } from "./memory.ts";

export interface ChangingClusterOptions {
  /** Nodes that the cluster begins with: their ids are 0, 1, ... */
  readonly founders: number;
  /** Nodes that may be added to it; their ids follow those of the founders. */
  readonly joiners: number;
  /** Nodes that everybody else reaches through a proxy only. */
  readonly proxied?: readonly number[];
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  /** Whether every node is to write down its use of memory; `memory` reads it. Default false. */
  readonly measuresMemory?: boolean;
}

/** A row of `eraft member list --json`. */
export interface MemberRow {
  readonly id: number;
  readonly address: string;
  readonly standing: string;
}

/** A cluster whose members change: by `eraft member`, as operators do it. The addresses of all nodes that there may ever be are known before. */
export class ChangingCluster extends TestCluster {
  readonly #listen: readonly string[];
  readonly #founders: number;
  readonly #proxies: ReadonlyMap<number, LinkProxy>;
  readonly #moreFlags: readonly string[];
  readonly #measuresMemory: boolean;

  private constructor(
    places: { readonly listen: readonly string[]; readonly dir: string },
    proxies: ReadonlyMap<number, LinkProxy>,
    { founders, flags, measuresMemory = false }: ChangingClusterOptions,
  ) {
    super(
      places.listen.map((address, id) => proxies.get(id)?.address ?? address),
      places.dir,
      flags,
    );
    this.#listen = places.listen;
    this.#founders = founders;
    this.#proxies = proxies;
    this.#moreFlags = flags;
    this.#measuresMemory = measuresMemory;
  }

  /** Resolves once the founders listen. */
  static async launch(options: ChangingClusterOptions): Promise<ChangingCluster> {
    const { founders, joiners, proxied = [] } = options;
    const ports = await freePorts(founders + joiners);
    const proxies = new Map<number, LinkProxy>();
    for (const id of proxied) proxies.set(id, await LinkProxy.start(ports[id] ?? 0, new Random(id)));
    const dir = await mkdtemp(join(tmpdir(), "eraft-acceptance-"));
    const listen = ports.map((port) => `127.0.0.1:${port}`);
    const cluster = new ChangingCluster({ listen, dir }, proxies, options);
    try {
      await Promise.all(listen.slice(0, founders).map((_, id) => cluster.restart(id)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Of the nodes that run: what operators have in their heads. */
  override get clusterFlags(): readonly string[] {
    return ["--cluster", this.running.map((id) => this.address(id)).join(",")];
  }

  /** Where the others reach node `id`. */
  address(id: number): string {
    const address = this.addresses[id];
    if (address === undefined) throw new Error(`there is no address for node ${id}`);
    return address;
  }

  /** What is between node `id` and everybody else. */
  proxy(id: number): LinkProxy {
    const proxy = this.#proxies.get(id);
    if (proxy === undefined) throw new Error(`there is no proxy in front of node ${id}`);
    return proxy;
  }

  override serveArgs(id: number): readonly string[] {
    const founders = this.addresses.slice(0, this.#founders).map((address, id) => `${id}=${address}`);
    const contacts = this.running.filter((other) => other !== id).map((other) => this.address(other));
    const beginning = id < this.#founders ? ["--peers", founders.join(",")] : ["--join", contacts.join(",")];
    const where = ["--listen", this.#listen[id] ?? "", "--data-dir", this.dataDir(id)];
    return ["serve", "--id", String(id), ...beginning, ...where, ...this.#moreFlags];
  }

  override async restart(id: number, options: SpawnOptions = {}): Promise<void> {
    const nodeArgs = this.#measuresMemory ? probeArgs(this.#memoryFile(id)) : [];
    await super.restart(id, { ...options, nodeArgs: [...nodeArgs, ...(options.nodeArgs ?? [])] });
  }

  /** What node `id` has used of memory since its last start, where it was told to write that down. */
  async memory(id: number): Promise<readonly MemorySample[]> {
    return readSamples(this.#memoryFile(id));
  }

  #memoryFile(id: number): string {
    return join(this.dir, `memory-${id}.jsonl`);
  }

  /** Runs `eraft member ...`; rejects with what it says unless that is success. */
  async member(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runMain("member", ...args, ...this.clusterFlags);
    if (code !== 0) throw new Error(`eraft member ${args.join(" ")}: exit code ${code}: ${stderr.trim()}`);
    return stdout;
  }

  /** Who belongs to the cluster, as the command line says. */
  async members(): Promise<readonly MemberRow[]> {
    const { members } = JSON.parse(await this.member("list", "--json")) as { members: readonly MemberRow[] };
    return members;
  }

  /** Ends a node for good, as one does with a machine that is given back: rejects unless it ends well by itself. */
  async retire(id: number): Promise<void> {
    const { code, signal, stderr } = await this.kill(id, "SIGTERM");
    if (code !== 0) {
      throw new Error(
        `node ${id} ended with ${signal ?? `exit code ${code}`} on SIGTERM: ${stderr.trim().split("\n").at(-1)}`,
      );
    }
    await rm(this.dataDir(id), { recursive: true });
  }

  override async stop(keepDir = false): Promise<void> {
    await super.stop(keepDir);
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
