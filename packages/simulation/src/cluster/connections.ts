import type { Configuration, ConfigurationAt, LogIndex, NodeId } from "@eraft/core";

/** One life of a server, as it introduces itself. */
export interface Introduction {
  readonly life: number;
  /** For which disk it speaks; null if it does not say. */
  readonly incarnation: string | null;
}

/** What a core was told last of a peer, and in which configuration. */
interface Claim {
  readonly incarnation: string;
  readonly configurationIndex: LogIndex;
}

/**
 * Whom a server has met since it started, and what that is worth: what a transport with a handshake, and the server behind it, make of
 * `Receiver.identify`, and of each message after that.
 */
export class Connections {
  readonly #latest = new Map<NodeId, number>();
  readonly #claims = new Map<NodeId, Claim>();

  clear(): void {
    this.#latest.clear();
    this.#claims.clear();
  }

  /** The core has begun to lead, and knows nothing of what it was told before. */
  forgetClaims(): void {
    this.#claims.clear();
  }

  /** A message of that life of `peer` has come in: the connections of earlier lives are over. Every server notices, whether it leads or not. */
  met(peer: NodeId, { life }: Introduction): void {
    this.#latest.set(peer, Math.max(this.#latest.get(peer) ?? 0, life));
  }

  /**
   * The disk for which `peer` speaks, if the configuration says something else and the core has not been told yet. What is left of the connections of
   * a former life introduces nobody.
   */
  claimOf(
    peer: NodeId,
    { life, incarnation }: Introduction,
    { index, configuration }: ConfigurationAt,
  ): string | null {
    const member = configuration.members.find(({ id }) => id === peer);
    const isOver = life < (this.#latest.get(peer) ?? 0);
    if (incarnation === null || isOver || member === undefined) return null;
    const told = this.#claims.get(peer);
    const isTold = told?.configurationIndex === index && told.incarnation === incarnation;
    if (member.incarnation === incarnation || isTold) return null;
    this.#claims.set(peer, { incarnation, configurationIndex: index });
    return incarnation;
  }

  /**
   * Whether the answers of that life of `peer` count: not if the receiver's configuration knows another disk by its name, though it may have known this one
   * a while ago, by an entry that was truncated since.
   */
  vouchFor(peer: NodeId, { incarnation }: Introduction, { members }: Configuration): boolean {
    const known = members.find(({ id }) => id === peer)?.incarnation ?? null;
    return incarnation === null || known === null || known === incarnation;
  }
}
