import type { Configuration, ConfigurationAt, Member, NodeId } from "@eraft/core";
import { isVoter } from "../invariants/majorities.ts";
import { survives } from "../members/survival.ts";
import type { Server } from "./server.ts";

/** All servers, seen by somebody who sees everything: who belongs to the cluster, and what may still be done to it without taking away its majority. */
export class Survey {
  readonly #servers: readonly Server[];
  /** What members will be in the end by the requests that nobody has answered yet. */
  readonly #intentions = new Set<Configuration>();

  constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Who leads, as far as anybody knows: whoever leads the latest term. */
  get leader(): Server | null {
    const leaders = this.#servers.filter(({ status }) => status?.role === "leader");
    return leaders.toSorted((a, b) => termOf(b) - termOf(a))[0] ?? null;
  }

  /** The servers that are not gone for ever. */
  get alive(): readonly Server[] {
    return this.#servers.filter(({ phase }) => phase !== "gone");
  }

  /** All configurations that may decide something from now on: the last one known to be committed, and what servers have after it. */
  get configurations(): readonly ConfigurationAt[] {
    const all = this.#servers.map((server) => server.configuration).filter((one) => one !== null);
    const committed = this.#servers.flatMap(({ status }) => {
      if (status === null || status.membership.members.length === 0) return [];
      return status.membership.index <= status.commitIndex ? [status.membership.index] : [];
    });
    const latest = Math.max(0, ...committed);
    return all.filter(({ index }) => index >= latest);
  }

  isMember(id: NodeId): boolean {
    if (this.configurations.length === 0) return this.#server(id).isFounder;
    return this.configurations.some(({ configuration }) =>
      configuration.members.some((member) => member.id === id),
    );
  }

  /** Remembers what a request will lead to. Returns what forgets that. */
  intends(configuration: Configuration): () => void {
    this.#intentions.add(configuration);
    return () => this.#intentions.delete(configuration);
  }

  /** Whether the cluster can go on, whatever becomes of the changes under way, when that server is lost. */
  canLose(id: NodeId): boolean {
    const isPromotable = this.configurations.some(({ configuration }) =>
      configuration.members.some((member) => member.id === id && member.standing === "promotable"),
    );
    return !isPromotable && this.canLoseDisk(id);
  }

  /** Whether the cluster can go on when that server's disk is lost, and it comes back with another one. */
  canLoseDisk(id: NodeId): boolean {
    const configurations = this.configurations.map(({ configuration }) => configuration);
    if (configurations.length === 0) return false;
    return [...configurations, ...this.#intentions].every((one) => this.survives(one, id));
  }

  /** Whether that server's disk may be replaced: everybody for whom it counts must know it by its name. */
  canReplaceDisk({ id, disk, phase }: Server): boolean {
    if (phase === "gone" || disk.isDamaged || !this.canLoseDisk(id)) return false;
    const isNamed = (member: Member): boolean => member.id !== id || member.incarnation === disk.name;
    const isKnown = this.configurations.every(({ configuration }) => configuration.members.every(isNamed));
    return isKnown && this.#servers.every((server) => this.#knows(server, id));
  }

  survives(configuration: Configuration, lost: NodeId | null = null): boolean {
    return survives(configuration, ({ id, incarnation }) => {
      const { phase, disk } = this.#server(id);
      if (id === lost || phase === "gone" || disk.isDamaged) return false;
      return incarnation === null || incarnation === disk.name;
    });
  }

  /** Whether no configuration that `server` may go back to counts on `id` without naming its disk. */
  #knows({ isFounder, disk, isKnown }: Server, id: NodeId): boolean {
    const [first, ...later] = disk.configurations;
    // Without any configuration in its log a founder uses the one of its options, which names no disks.
    if (first === undefined) return !isFounder || !isKnown;
    return [first, ...later]
      .slice(-2)
      .every(({ configuration }) =>
        configuration.members.every(
          (member) => member.id !== id || member.incarnation !== null || !isVoter(member),
        ),
      );
  }

  #server(id: NodeId): Server {
    const server = this.#servers[id];
    if (server === undefined) throw new RangeError(`no server ${id}`);
    return server;
  }
}

function termOf({ status }: Server): number {
  return status?.term ?? 0;
}
