import { LinkProxy } from "./proxy/link-proxy.ts";
import type { PathFaults } from "./proxy/path-faults.ts";
import type { Random } from "./random.ts";

/** Who sends, who receives: a node, or the clients. */
export type End = number | "clients";

/** Bytes from one end to another, whoever opened the connection. */
export interface Path {
  readonly from: End;
  readonly to: End;
}

interface Link {
  readonly caller: End;
  readonly target: number;
  readonly proxy: LinkProxy;
}

/** A network of our own: each node reaches each other one, and the clients reach each node, through a proxy for that link alone. */
export class ChaosNetwork {
  readonly nodes: readonly number[];
  /** Everything that can be disturbed: from every end to every other one. */
  readonly paths: readonly Path[];
  readonly #links: readonly Link[];

  private constructor(nodes: readonly number[], links: readonly Link[]) {
    this.nodes = nodes;
    this.#links = links;
    const ends: readonly End[] = [...nodes, "clients"];
    this.paths = ends.flatMap((from) => ends.filter((to) => to !== from).map((to) => ({ from, to })));
  }

  /** @param ports where the nodes listen, by id */
  static async start(ports: readonly number[], random: Random): Promise<ChaosNetwork> {
    const nodes = [...ports.keys()];
    const pairs = [...nodes, "clients" as const].flatMap((caller) =>
      nodes.filter((target) => target !== caller).map((target) => ({ caller, target })),
    );
    const links = await Promise.all(
      pairs.map(async ({ caller, target }) => ({
        caller,
        target,
        proxy: await LinkProxy.start(ports[target] ?? 0, random.fork()),
      })),
    );
    return new ChaosNetwork(nodes, links);
  }

  /** Where the way from `caller` to node `target` begins. */
  address(caller: End, target: number): string {
    return this.#link(caller, target).proxy.address;
  }

  /** Disturbs a path: requests on the connections that its sender opened, and answers on those that its receiver opened. */
  disturb({ from, to }: Path, faults: Partial<PathFaults>): void {
    if (to !== "clients") this.#link(from, to).proxy.disturb("forward", faults);
    if (from !== "clients") this.#link(to, from).proxy.disturb("backward", faults);
  }

  /** Every connection between the two ends is reset, until `heal`. */
  refuse(a: End, b: End): void {
    for (const { proxy } of this.#between(a, b)) proxy.refuse();
  }

  /** The connections between the two ends that are open now lead nowhere, and nobody is told. */
  forget(a: End, b: End): void {
    for (const { proxy } of this.#between(a, b)) proxy.forgetCallers();
  }

  /** Nodes that have exchanged nothing with any other node, through the proxies at least. */
  get silent(): readonly number[] {
    const busy = this.#links.filter(
      ({ caller, proxy }) => caller !== "clients" && proxy.passed("forward") > 0,
    );
    return this.nodes.filter(
      (node) => !busy.some(({ caller, target }) => caller === node || target === node),
    );
  }

  heal(late: "arrives" | "is lost"): void {
    for (const { proxy } of this.#links) proxy.heal(late);
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map(({ proxy }) => proxy.close()));
  }

  #between(a: End, b: End): readonly Link[] {
    return this.#links.filter(
      ({ caller, target }) => (caller === a && target === b) || (caller === b && target === a),
    );
  }

  #link(caller: End, target: number): Link {
    const link = this.#links.find((link) => link.caller === caller && link.target === target);
    if (link === undefined) throw new Error(`there is no link from ${caller} to ${target}`);
    return link;
  }
}
