import { MAX_PEERS } from "./config.ts";
import type { Configuration, Member, NodeId, Standing } from "./types.ts";

/** The most servers a configuration may name, learners included. */
export const MAX_MEMBERS = 32;

/** One thing that is to be different about the members. */
export type MemberChange =
  /** Joins as a learner and becomes a voter by itself once it has caught up (dissertation, 4.2.1). */
  | { readonly type: "addVoter"; readonly id: NodeId; readonly address: string }
  /** Gets the log and counts nowhere. */
  | { readonly type: "addLearner"; readonly id: NodeId; readonly address: string }
  /** A learner that becomes a voter once it has caught up. */
  | { readonly type: "promote"; readonly id: NodeId }
  /** A voter that becomes a learner. */
  | { readonly type: "demote"; readonly id: NodeId }
  | { readonly type: "remove"; readonly id: NodeId }
  | { readonly type: "setAddress"; readonly id: NodeId; readonly address: string };

/** Why a change cannot be made, for people. */
export type Refused = { readonly refused: string };

/** The configuration of servers that have always been there, all of them voters. */
export function initialConfiguration(
  ids: readonly NodeId[],
  addresses: ReadonlyMap<NodeId, string>,
): Configuration {
  const members = ids.map((id) => newMember(id, addresses.get(id) ?? "", "voter"));
  return { members: members.toSorted(byId) };
}

/** True while two majorities are needed (4.3). */
export function isJoint({ members }: Configuration): boolean {
  return members.some(({ standing }) => countsIn(standing, "old") !== countsIn(standing, "new"));
}

/** Whether a server of this standing is one of the voters of that half. */
export function countsIn(standing: Standing, half: "old" | "new"): boolean {
  switch (standing) {
    case "voter":
      return true;
    case "incoming":
      return half === "new";
    case "outgoing":
    case "demoted":
    case "rejoining":
      return half === "old";
    case "learner":
    case "promotable":
      return false;
  }
}

/**
 * Whether the server may vote, stand, and vouch for entries. One that comes back without what it had stored may not, although the old half counts
 * it among its voters: it has forgotten for whom it voted.
 */
export function isElector(standing: Standing): boolean {
  return standing !== "rejoining" && (countsIn(standing, "old") || countsIn(standing, "new"));
}

export function memberOf({ members }: Configuration, id: NodeId): Member | null {
  return members.find((member) => member.id === id) ?? null;
}

/** The configuration that a joint one leads to. */
export function leaveJoint({ members }: Configuration): Configuration {
  return {
    members: members.flatMap((member) => {
      const standing = afterwards(member.standing);
      return standing === null ? [] : [{ ...member, standing }];
    }),
  };
}

/** What the standing of a member is once the configuration is no longer joint; null if it is none any more. */
function afterwards(standing: Standing): Standing | null {
  switch (standing) {
    case "incoming":
      return "voter";
    case "outgoing":
      return null;
    case "demoted":
      return "learner";
    case "rejoining":
      return "promotable";
    case "voter":
    case "learner":
    case "promotable":
      return standing;
  }
}

/** Applies `changes`, one after the other, to a configuration that is not joint. The result is joint if the voters differ. */
export function changed(current: Configuration, changes: readonly MemberChange[]): Configuration | Refused {
  if (changes.length === 0) return { refused: "there is nothing to change" };
  const members = new Map(current.members.map((member) => [member.id, member]));
  for (const change of changes) {
    const isAddition = change.type === "addVoter" || change.type === "addLearner";
    if (isAddition && memberOf(current, change.id) !== null) {
      return { refused: `server ${change.id} is a member already; remove it first, in a request of its own` };
    }
    const refused = applyChange(members, change);
    if (refused !== null) return { refused };
  }
  return checked(transition(current, { members: [...members.values()] }));
}

/** The learners `ids` become voters, and in the same step `changes` are made, but for those that somebody else has made meanwhile. */
export function withVoters(
  current: Configuration,
  ids: readonly NodeId[],
  changes: readonly MemberChange[] = [],
): Configuration | Refused {
  const promote = (member: Member): Member =>
    ids.includes(member.id) ? { ...member, standing: "voter" } : member;
  const members = new Map(current.members.map((member) => [member.id, promote(member)]));
  for (const change of changes) applyChange(members, change);
  return checked(transition(current, { members: [...members.values()] }));
}

/**
 * `id` speaks for another disk than it did, or for the first time for one that is known. A voter that lost its disk gives up its vote and gets it back
 * once it has caught up; see `isElector`.
 */
export function withIncarnation(current: Configuration, id: NodeId, incarnation: string): Configuration {
  const identify = (member: Member): Member => {
    if (member.id !== id) return member;
    const isOtherDisk = member.incarnation !== null && member.incarnation !== incarnation;
    const standing = isOtherDisk && member.standing === "voter" ? "rejoining" : member.standing;
    return { ...member, incarnation, standing };
  };
  return { members: current.members.map(identify) };
}

/** From one set of voters to another: joint if they differ. */
function transition(from: Configuration, to: Configuration): Configuration {
  const members = to.members.map((member): Member => {
    const wasVoter = memberOf(from, member.id)?.standing === "voter";
    if (member.standing === "voter") return wasVoter ? member : { ...member, standing: "incoming" };
    if (!wasVoter) return member;
    // Demoted, and to be a voter as soon as it has caught up: it has.
    return { ...member, standing: member.standing === "promotable" ? "voter" : "demoted" };
  });
  for (const member of from.members) {
    if (member.standing === "voter" && memberOf(to, member.id) === null) {
      members.push({ ...member, standing: "outgoing" });
    }
  }
  return { members: members.toSorted(byId) };
}

/** Why it cannot be done, null if it was. */
function applyChange(members: Map<NodeId, Member>, change: MemberChange): string | null {
  const { type, id } = change;
  const member = members.get(id) ?? null;
  if (!Number.isSafeInteger(id) || id < 0) return `${id} is not a server id`;
  if (type === "addVoter" || type === "addLearner") {
    if (member !== null) return `server ${id} is to be added twice`;
    members.set(id, newMember(id, change.address, type === "addVoter" ? "promotable" : "learner"));
    return null;
  }
  if (member === null) return `server ${id} is not a member`;
  switch (type) {
    case "promote":
      if (member.standing === "voter") return `server ${id} is a voter already`;
      members.set(id, { ...member, standing: "promotable" });
      return null;
    case "demote":
      if (member.standing === "learner") return `server ${id} is a learner already`;
      members.set(id, { ...member, standing: "learner" });
      return null;
    case "remove":
      members.delete(id);
      return null;
    case "setAddress":
      members.set(id, { ...member, address: change.address });
      return null;
  }
}

function checked(configuration: Configuration): Configuration | Refused {
  const { members } = configuration;
  const voters = members.filter(({ standing }) => countsIn(standing, "new")).length;
  if (voters === 0) return { refused: "no voter would be left" };
  // With those that are to become voters: one too many would wait for that for ever, and its request for an answer.
  const wanted = voters + members.filter(({ standing }) => afterwards(standing) === "promotable").length;
  if (wanted > MAX_PEERS) return { refused: `${wanted} voters; a cluster has at most ${MAX_PEERS}` };
  if (members.length > MAX_MEMBERS) {
    return { refused: `${members.length} members; a cluster has at most ${MAX_MEMBERS}` };
  }
  const addresses = members.map(({ address }) => address).filter((address) => address !== "");
  const twice = addresses.find((address, at) => addresses.indexOf(address) !== at);
  return twice === undefined ? configuration : { refused: `two members would be at ${twice}` };
}

function newMember(id: NodeId, address: string, standing: Standing): Member {
  return { id, address, standing, incarnation: null };
}

function byId(a: Member, b: Member): number {
  return a.id - b.id;
}
