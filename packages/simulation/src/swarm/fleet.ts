import type { Configuration, ConfigurationAt, LogIndex, Member, NodeId } from "@eraft/core";
import type { Cluster } from "../cluster/cluster.ts";
import type { Node } from "../cluster/node.ts";
import type { Checker } from "../invariants/checker.ts";
import { isVoter } from "../invariants/majorities.ts";
import { survives } from "../members/survival.ts";

interface Intention {
  readonly node: NodeId;
  readonly configuration: Configuration;
}

/**
 * The machines of a run, seen by somebody who sees everything: what has become of them, and what may still be done to them without taking away the
 * majority that every promise of Raft depends on.
 */
export class Fleet {
  readonly #cluster: Cluster;
  readonly #checker: Checker;
  readonly #dead = new Set<NodeId>();
  /** Servers that somebody switched off since they are no members any more. */
  readonly #retired = new Set<NodeId>();

  /** Requests for other members that are not answered yet: a part of a change may be put off. */
  readonly #intentions = new Map<number, Intention>();

  constructor(cluster: Cluster, checker: Checker) {
    this.#cluster = cluster;
    this.#checker = checker;
  }

  isDead(id: NodeId): boolean {
    return this.#dead.has(id);
  }

  dies(id: NodeId): void {
    this.#dead.add(id);
  }

  isRetired(id: NodeId): boolean {
    return this.#retired.has(id);
  }

  retires(id: NodeId): void {
    this.#retired.add(id);
  }

  /** What the request `id` is to lead to. */
  intends(id: number, intention: Intention): void {
    this.#intentions.set(id, intention);
  }

  answered(id: number): void {
    this.#intentions.delete(id);
  }

  /** Nobody goes on with what was asked of it. */
  crashed(node: NodeId): void {
    for (const [id, intention] of this.#intentions) if (intention.node === node) this.#intentions.delete(id);
  }

  /** It is needed again. */
  returns(id: NodeId): void {
    this.#retired.delete(id);
  }

  /** Servers that have been started at some time. */
  get known(): readonly NodeId[] {
    return this.#cluster.nodes.filter(({ life }) => life > 0).map(({ id }) => id);
  }

  get up(): readonly Node[] {
    return this.#cluster.nodes.filter(({ isUp }) => isUp);
  }

  /** Who leads, as far as anybody knows: whoever leads the latest term. */
  get leader(): Node | null {
    let leader: Node | null = null;
    for (const node of this.up) {
      if (node.state.role !== "leader") continue;
      if (leader === null || node.state.term > leader.state.term) leader = node;
    }
    return leader;
  }

  /** All configurations that may decide something from now on: the last one known to be committed, and what servers have after it. */
  configurations(): ConfigurationAt[] {
    const { latest } = this.#checker.memberships;
    const later = this.#cluster.nodes
      .map((node) => (node.isUp ? node.state.configuration : node.disk.configuration))
      .filter((one): one is ConfigurationAt => one !== null && one.index > latest.index);
    return [latest, ...later];
  }

  isMember(id: NodeId): boolean {
    return this.configurations().some(({ configuration }) =>
      configuration.members.some((member) => member.id === id),
    );
  }

  /** Whether the cluster can go on, whatever becomes of the changes under way, when that server's disk is lost. */
  canLose(id: NodeId): boolean {
    const configurations = this.configurations().map(({ configuration }) => configuration);
    const intended = [...this.#intentions.values()].map(({ configuration }) => configuration);
    return [...configurations, ...intended].every((one) => this.survives(one, id));
  }

  /**
   * Whether a disk may be lost and replaced: only once everybody for whom it counts knows it by its name. Before that, a server that is behind could take
   * the new disk's word for the old one's.
   */
  canBeWiped(node: Node): boolean {
    const index = this.#checker.memberships.namedAt(node.disk.name);
    return this.canLose(node.id) && this.#cluster.nodes.every((other) => this.#knows(other, node.id, index));
  }

  /** Whether `server` holds the committed entry of `index`, which names a disk of `id`; or no configuration that gives an unnamed one a vote. */
  #knows(server: Node, id: NodeId, index: LogIndex | null): boolean {
    const { disk } = server;
    const isAt = index !== null && disk.termAt(index) === this.#checker.history.committedTerm(index);
    if (isAt || (index !== null && disk.snapshotIndex >= index)) return true;
    const { initial } = this.#checker.memberships;
    const configurations = disk.configurations.map(({ configuration }) => configuration);
    if (server.isFounder && !server.hasLostDisk) configurations.push(initial);
    const countsUnnamed = (member: Member): boolean =>
      member.id === id && member.incarnation === null && isVoter(member);
    return !configurations.some(({ members }) => members.some(countsUnnamed));
  }

  /** Whether enough members still have the disks by which `configuration` knows them, `lost` not counted. */
  survives(configuration: Configuration, lost: NodeId | null = null): boolean {
    return survives(configuration, (member) => member.id !== lost && this.#isIntact(member));
  }

  #isIntact({ id, incarnation }: Member): boolean {
    if (this.#dead.has(id)) return false;
    const node = this.#cluster.node(id);
    return incarnation === null || node.incarnation === null || node.disk.name === incarnation;
  }
}
