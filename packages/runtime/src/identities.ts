import type { IdentityRefusal, LogIndex, Message, NodeId, PeerIdentity, RoleChange } from "@eraft/core";
import { InvalidOptionError, StorageFailedError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Peers } from "./peers.ts";

/** Who this server is, and for which disk it speaks. */
export interface NodeIdentity extends PeerIdentity {
  /**
   * Called once, by a server whose `clusterId` is null, with that of the first server it meets; to be stored with the data. Until it resolves, nothing
   * that others say is acted upon: a log of one cluster must never meet another one.
   */
  readonly onClusterId?: (clusterId: string) => void | Promise<void>;
}

/** What counts of what a server says: all of it, what it asks for but no answers, or nothing. */
export type Trust = "all" | "questions" | "nothing";

/** What the core was told last of a server, and when: in which configuration. */
interface Claim {
  readonly incarnation: string;
  readonly configurationIndex: LogIndex;
}

/** Servers of this cluster that are no members are remembered, but not any number of them. */
const MAX_MET = 64;

/**
 * Which disk speaks for which server. A server that lost its disk has forgotten its votes and what it had confirmed: taken for the one it was, it
 * could help to elect a leader that lacks committed entries. The configuration says by which disk each member is known.
 *
 * 1. A member by whose disk nobody knows it yet names it: the leader writes that down.
 * 2. It comes back with another disk: it is refused, and nothing it says counts. If the disk that is known has been silent for an election timeout, the
 *    leader writes down the new one, which makes the server a learner without a vote (see Standing).
 * 3. Servers that have that entry let it in. It gets the log and, once it has caught up, its vote back.
 *
 * A server that hears of no leader may itself be the one that is behind, and whom it does not know the leader that could tell it. So it lets in
 * whoever comes, to listen to what he asks for, which is judged by its content as from anybody. His answers do not count: they are promises of the disk
 * that is known.
 */
export class Identities {
  readonly #host: Host;
  readonly #peers: Peers;
  readonly #silenceMs: number;
  readonly #onClusterId: (clusterId: string) => void | Promise<void>;
  #own: PeerIdentity | null;
  /** The cluster that this server is joining, until that is stored. */
  #joining: string | null = null;
  /** As whom each server was let in last. */
  readonly #met = new Map<NodeId, PeerIdentity>();
  readonly #claims = new Map<NodeId, Claim>();
  #leaderId: NodeId | null = null;
  /** Null when this server does not lead. */
  #leads: { readonly sinceMs: number } | null = null;

  /** @param silenceMs how long a disk must have been silent before another one takes its place */
  constructor(own: NodeIdentity | null, silenceMs: number, peers: Peers, host: Host) {
    this.#host = host;
    this.#peers = peers;
    this.#silenceMs = silenceMs;
    this.#onClusterId = own?.onClusterId ?? (() => {});
    this.#own = own && { clusterId: own.clusterId, incarnation: own.incarnation, starts: own.starts };
  }

  /** What this server says of itself. */
  get own(): PeerIdentity | null {
    return this.#own;
  }

  roleChanged({ role, leaderId }: RoleChange): void {
    // Whoever stands for election has not heard from the last leader for a long time.
    this.#leaderId = role === "follower" || role === "leader" ? leaderId : null;
    this.#leads = role === "leader" ? { sinceMs: this.#host.clock.now() } : null;
    this.#claims.clear();
  }

  /** See `Receiver.identify`. */
  identify(peer: NodeId, identity: PeerIdentity): IdentityRefusal | null {
    if (this.#own === null) return null;
    const clusterId = this.#own.clusterId ?? this.#joining;
    if (clusterId !== null && identity.clusterId !== null && clusterId !== identity.clusterId) {
      return "otherCluster";
    }
    const { incarnation, starts } = identity;
    const met = this.#met.get(peer);
    if (met?.incarnation === incarnation && starts < met.starts) return "olderDisk";
    const known = this.#incarnationOf(peer);
    if (known !== incarnation) this.#claim(peer, known, incarnation);
    const hasLeader = this.#leaderId !== null && this.#leaderId !== peer;
    if (known !== null && known !== incarnation && hasLeader) return "otherDisk";
    this.#meet(peer, identity);
    if (clusterId === null && identity.clusterId !== null) this.#join(this.#own, identity.clusterId);
    return null;
  }

  /** What counts of what is sent by a server that was let in. The configuration may have changed since: an entry may have been truncated, or added. */
  trust({ from: peer, type }: Pick<Message, "from" | "type">): Trust {
    if (this.#own === null) return "all";
    if (this.#joining !== null) return "nothing";
    const met = this.#met.get(peer);
    // Over a wire without a handshake nobody introduces himself.
    if (met === undefined) return "all";
    const known = this.#incarnationOf(peer);
    if (known === met.incarnation) return "all";
    this.#claim(peer, known, met.incarnation);
    if (known === null) return "all";
    return type.endsWith("Response") || type === "refusal" ? "nothing" : "questions";
  }

  #incarnationOf(peer: NodeId): string | null {
    return this.#peers.memberOf(peer)?.incarnation ?? null;
  }

  #meet(peer: NodeId, identity: PeerIdentity): void {
    this.#met.set(peer, identity);
    // Anybody of this cluster may come by, members or not.
    for (const id of this.#met.keys()) {
      if (this.#met.size <= MAX_MET) return;
      if (this.#peers.memberOf(id) === null) this.#met.delete(id);
    }
  }

  /** Tells the core that `peer` speaks for another disk than the configuration says: once for each configuration, for it is noticed with every message. */
  #claim(peer: NodeId, known: string | null, incarnation: string): void {
    if (this.#leads === null || this.#peers.memberOf(peer) === null) return;
    // Two servers that run under one id, each with a disk: the one that is known stays. A leader that is new has not listened for long enough.
    const silentSinceMs = Math.max(this.#peers.lastSignOf(peer), this.#leads.sinceMs);
    if (known !== null && this.#host.clock.now() - silentSinceMs < this.#silenceMs) return;
    const { index: configurationIndex } = this.#peers.membership;
    const last = this.#claims.get(peer);
    if (last?.configurationIndex === configurationIndex && last.incarnation === incarnation) return;
    this.#claims.set(peer, { incarnation, configurationIndex });
    this.#host.push({ type: "identified", peer, incarnation });
  }

  #join(own: PeerIdentity, clusterId: string): void {
    this.#joining = clusterId;
    void (async () => {
      try {
        await this.#onClusterId(clusterId);
      } catch (error) {
        this.#host.fail(new StorageFailedError(error));
        return;
      }
      this.#own = { ...own, clusterId };
      this.#joining = null;
      this.#host.logger.info(`This server belongs to the cluster ${clusterId} now.`, { clusterId });
    })();
  }
}

/** @throws InvalidOptionError */
export function checkIdentity({ clusterId, incarnation, starts }: NodeIdentity): void {
  const faults = [
    clusterId === null ||
      (typeof clusterId === "string" && clusterId !== "") ||
      "clusterId must be null or a name",
    (typeof incarnation === "string" && incarnation !== "") || "incarnation must be a name",
    (Number.isSafeInteger(starts) && starts > 0) || "starts must count the openings of the disk, from 1",
  ];
  for (const fault of faults) {
    if (fault !== true) throw new InvalidOptionError(`identity: ${fault}.`);
  }
}
