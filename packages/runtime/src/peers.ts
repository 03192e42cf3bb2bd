import {
  type Clock,
  type ConfigurationAt,
  isJoint,
  type Member,
  type NodeId,
  type Standing,
} from "@eraft/core";
import type { Membership } from "./membership.ts";

/** What is known of a member but for its place in the log. */
export interface Contact {
  readonly id: NodeId;
  readonly address: string;
  readonly standing: Standing;
  readonly incarnation: string | null;
  /** Milliseconds since its last message; null if there was none. */
  readonly lastContactMs: number | null;
  /** Why it was last unreachable; null once it has been heard again. */
  readonly lastError: Error | null;
}

interface Acquaintance {
  member: Member;
  /** Since when it has been known by this disk. */
  knownSinceMs: number;
  heardAtMs: number | null;
  lastError: Error | null;
}

/** The members of the configuration in force: where they are, and when each was last heard. */
export class Peers {
  readonly #self: NodeId;
  readonly #given: ReadonlyMap<NodeId, string>;
  readonly #clock: Clock;
  readonly #members = new Map<NodeId, Acquaintance>();
  #membership: Membership = { index: 0, members: [], isJoint: false };

  /** @param given addresses for members of whom the configuration does not say where they are */
  constructor(self: NodeId, given: ReadonlyMap<NodeId, string>, clock: Clock) {
    this.#self = self;
    this.#given = given;
    this.#clock = clock;
  }

  /** Another configuration is in force. */
  follow(at: ConfigurationAt): void {
    this.#membership = this.membershipOf(at);
    const known = new Map(this.#members);
    this.#members.clear();
    for (const member of this.#membership.members) {
      const before = known.get(member.id);
      const isSameDisk = before?.member.incarnation === member.incarnation;
      if (before && isSameDisk) this.#members.set(member.id, { ...before, member });
      else this.#members.set(member.id, this.#meet(member, before));
    }
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** A configuration, with the addresses that it leaves open. */
  membershipOf({ index, configuration }: ConfigurationAt): Membership {
    const members = configuration.members.map((member) => this.#withAddress(member));
    return { index, members, isJoint: isJoint(configuration) };
  }

  /** Where the others are; empty where nobody has said. */
  get others(): ReadonlyMap<NodeId, string> {
    const others = this.#membership.members.filter(({ id }) => id !== this.#self);
    return new Map(others.map(({ id, address }) => [id, address]));
  }

  memberOf(id: NodeId): Member | null {
    return this.#members.get(id)?.member ?? null;
  }

  addressOf(id: NodeId | null): string | null {
    if (id === null) return null;
    const address = this.memberOf(id)?.address ?? this.#given.get(id) ?? "";
    return address === "" ? null : address;
  }

  /** When the disk by which the cluster knows this server was last heard; at the latest, if it never was, since when it is known. */
  lastSignOf(id: NodeId): number {
    const member = this.#members.get(id);
    return member === undefined ? Number.NEGATIVE_INFINITY : (member.heardAtMs ?? member.knownSinceMs);
  }

  heard(id: NodeId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    member.heardAtMs = this.#clock.now();
    member.lastError = null;
  }

  failed(id: NodeId, error: Error): void {
    const member = this.#members.get(id);
    if (member !== undefined) member.lastError = error;
  }

  /** The other members. */
  list(): Contact[] {
    const nowMs = this.#clock.now();
    return [...this.#members.values()]
      .filter(({ member }) => member.id !== this.#self)
      .map(({ member, heardAtMs, lastError }) => {
        const lastContactMs = heardAtMs === null ? null : nowMs - heardAtMs;
        return { ...member, lastContactMs, lastError };
      });
  }

  /** A member that is new, or speaks for another disk than before: what was heard came from that one. */
  #meet(member: Member, before: Acquaintance | undefined): Acquaintance {
    const heardAtMs = before?.member.incarnation === null ? before.heardAtMs : null;
    const knownSinceMs = this.#clock.now();
    return { member, knownSinceMs, heardAtMs, lastError: before?.lastError ?? null };
  }

  #withAddress(member: Member): Member {
    return member.address === "" ? { ...member, address: this.#given.get(member.id) ?? "" } : member;
  }
}
