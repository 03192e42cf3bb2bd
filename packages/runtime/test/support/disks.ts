import type { NodeId } from "@eraft/core";
import { Cluster, type Member, type Tuning } from "./cluster.ts";
import { FaultyStorage } from "./faulty-storage.ts";
import { HandshakeNetwork } from "./handshakes.ts";

interface Disk {
  name: string;
  starts: number;
}

/** A cluster of servers that say for which disk they speak. */
export class DiskCluster {
  readonly network: HandshakeNetwork = new HandshakeNetwork();
  readonly disks: Disk[] = [];
  readonly #clusterIdOf: (id: NodeId) => string | null;
  #cluster: Cluster | null = null;

  private constructor(clusterIdOf: (id: NodeId) => string | null) {
    this.#clusterIdOf = clusterIdOf;
  }

  static async start(
    size: number,
    tuning: Tuning = {},
    clusterIdOf: (id: NodeId) => string | null = () => "the cluster",
  ): Promise<DiskCluster> {
    const disks = new DiskCluster(clusterIdOf);
    disks.#cluster = await Cluster.start(size, tuning, (id) => disks.#speak(id));
    return disks;
  }

  get cluster(): Cluster {
    if (this.#cluster === null) throw new Error("The cluster has not started.");
    return this.#cluster;
  }

  /** Server `id` comes back with an empty disk. */
  async wipe(id: NodeId, tuning: Tuning = {}): Promise<Member> {
    const { cluster } = this;
    await cluster.await(cluster.member(id).node.stop());
    const { name } = this.disk(id);
    this.disks[id] = { name: `${name}'`, starts: 0 };
    const member = cluster.make(id, new FaultyStorage(), tuning);
    await member.node.start();
    return member;
  }

  disk(id: NodeId): Disk {
    this.disks[id] ??= { name: `disk ${id}`, starts: 0 };
    return this.disks[id];
  }

  /** The disks by which the cluster knows its members, as server `id` has it. */
  namesAt({ node }: Member): (string | null)[] {
    return node.membership().members.map(({ incarnation }) => incarnation);
  }

  #speak(id: NodeId): Tuning {
    const disk = this.disk(id);
    disk.starts += 1;
    const identity = {
      clusterId: this.#clusterIdOf(id),
      incarnation: disk.name,
      starts: disk.starts,
    };
    return { identity, transport: this.network.transport(id, () => this.cluster.member(id).node.identity) };
  }
}
