import { cp, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withTimeLimit } from "../../src/time-limit.ts";
import { HANGS_AFTER_MS } from "../support/hangs.ts";
import { freePorts } from "../support/ports.ts";
import type { Exit, SpawnOptions } from "../support/process.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { ChaosNetwork } from "./network.ts";
import type { Random } from "./random.ts";
import { SmallDisk } from "./small-disk.ts";

const ROUTES = new URL("routes.ts", import.meta.url);

export interface ChaosClusterOptions {
  readonly nodes: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly random: Random;
}

/**
 * A cluster of real processes that talk through {@link ChaosNetwork}: whatever a node opens to another one goes to the proxy on the way there, see
 * routes.ts. What `TestCluster` does itself (status, convergence) goes straight to the nodes.
 */
export class ChaosCluster extends TestCluster {
  readonly network: ChaosNetwork;
  /** Nodes whose data is on a file system that we can fill, a minority: the others sync to a real disk. */
  readonly smallDisks: ReadonlyMap<number, SmallDisk>;
  /** Why there are none, null if there are. */
  readonly whyNoSmallDisk: string | null;
  /** What nodes did by themselves that they must not. */
  readonly problems: string[] = [];
  readonly #logs = new Map<number, string>();
  /** Processes of which somebody said that they will end. */
  readonly #doomed = new Set<number>();

  private constructor(
    place: { readonly addresses: readonly string[]; readonly dir: string },
    parts: Pick<ChaosCluster, "network" | "smallDisks" | "whyNoSmallDisk">,
    flags: readonly string[],
  ) {
    super(place.addresses, place.dir, flags);
    this.network = parts.network;
    this.smallDisks = parts.smallDisks;
    this.whyNoSmallDisk = parts.whyNoSmallDisk;
  }

  /** Resolves once every node listens. */
  static async launch({ nodes, flags, random }: ChaosClusterOptions): Promise<ChaosCluster> {
    const ports = await freePorts(nodes);
    const dir = await mkdtemp(join(tmpdir(), "eraft-chaos-"));
    const network = await ChaosNetwork.start(ports, random);
    const disks = await mountSmallDisks(dir, Math.floor((nodes - 1) / 2));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const cluster = new ChaosCluster({ addresses, dir }, { network, ...disks }, flags);
    try {
      await Promise.all(addresses.map((_, id) => cluster.restart(id)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Under which addresses the clients know the nodes. */
  get clientAddresses(): readonly string[] {
    return this.addresses.map((_, id) => this.network.address("clients", id));
  }

  override dataDir(id: number): string {
    const disk = this.smallDisks.get(id);
    return join(disk?.path ?? this.dir, `node-${id}`);
  }

  override async restart(id: number, options: SpawnOptions = {}): Promise<void> {
    const nodeArgs = ["--import", this.#routesOf(id), ...(options.nodeArgs ?? [])];
    const starting = super.restart(id, { ...options, nodeArgs });
    const started = this.process(id);
    void started.exited.then((exit) => this.#ended(id, started.pid, exit));
    const late = (): Error => new Error(`node ${id} does not listen: ${lastLine(started.stderr)}`);
    await withTimeLimit(starting, HANGS_AFTER_MS, late);
  }

  override async kill(id: number, signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    this.expectEnd(id);
    const late = (): Error => new Error(`node ${id} does not end on ${signal}`);
    return withTimeLimit(super.kill(id, signal), HANGS_AFTER_MS, late);
  }

  /** The module that leads what node `id` opens to the others through the network. */
  #routesOf(id: number): string {
    const ways = this.network.nodes.filter((other) => other !== id);
    const routes = ways.map((other) => [this.addresses[other], this.network.address(id, other)].map(portOf));
    return `${ROUTES.href}?${routes.map((ports) => ports.join("=")).join("&")}`;
  }

  /** From now on the process of node `id` may end; until then, its end is a problem. */
  expectEnd(id: number): void {
    this.#doomed.add(this.process(id).pid);
  }

  #ended(id: number, pid: number, { code, signal, stdout, stderr }: Exit): void {
    const how = signal === null ? `exit code ${code}` : signal;
    this.#logs.set(id, `${this.#logs.get(id) ?? ""}${stdout}${stderr}-- process ${pid}: ${how}\n`);
    if (/INVARIANT_BROKEN|ERR_ASSERTION/.test(stderr)) {
      this.problems.push(`node ${id} found an invariant broken: ${lastLine(stderr)}`);
    }
    if (!this.#doomed.delete(pid)) {
      this.problems.push(`node ${id} ended by itself with ${how}: ${lastLine(stderr)}`);
    }
  }

  /** Ends everything; with `keep`, leaves data and logs in `dir`. What does not end does not keep the rest from it; rejects then. */
  override async stop(keep = false): Promise<void> {
    const ends: PromiseSettledResult<unknown>[] = await Promise.allSettled(
      this.running.map((id) => this.kill(id)),
    );
    ends.push(...(await Promise.allSettled([this.network.close(), keep ? this.#keepLogs() : null])));
    ends.push(
      ...(await Promise.allSettled([...this.smallDisks].map((disk) => this.#removeDisk(...disk, keep)))),
    );
    await super.stop(keep);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async #removeDisk(id: number, disk: SmallDisk, keep: boolean): Promise<void> {
    if (keep) await cp(disk.path, join(this.dir, `kept-${id}`), { recursive: true });
    await disk.remove();
  }

  async #keepLogs(): Promise<void> {
    await mkdir(join(this.dir, "logs"));
    for (const [id, log] of this.#logs) await writeFile(join(this.dir, "logs", `node-${id}.log`), log);
  }
}

async function mountSmallDisks(
  dir: string,
  count: number,
): Promise<Pick<ChaosCluster, "smallDisks" | "whyNoSmallDisk">> {
  const smallDisks = new Map<number, SmallDisk>();
  try {
    for (let id = 0; id < count; id += 1) smallDisks.set(id, await SmallDisk.mount(join(dir, `disk-${id}`)));
    return { smallDisks, whyNoSmallDisk: null };
  } catch (error) {
    // All or none: those that nobody uses would stay mounted, and their keepers would keep this process alive.
    for (const disk of smallDisks.values()) await disk.remove();
    return { smallDisks: new Map(), whyNoSmallDisk: error instanceof Error ? error.message : String(error) };
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function portOf(address = ""): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
