import { type Member, countsIn, isJoint } from "@eraft/core";

/** Where a node of the cluster is, as others say. */
export interface Place {
  readonly id: number;
  readonly address: string;
}

/** Who belongs to a cluster, as one of its nodes knows it. */
export interface MembersView {
  /** Of the configuration's entry; 0 for the members that the cluster began with. */
  readonly index: number;
  readonly members: readonly Member[];
  /** It will not be undone. */
  readonly isCommitted: boolean;
  readonly clusterId: string | null;
  readonly term: number;
  readonly leader: Place | null;
  /** The node that says so. */
  readonly source: Place;
}

/** No change is under way. */
export function isSettled({ members, isCommitted }: MembersView): boolean {
  return isCommitted && !isJoint({ members });
}

export function memberIn({ members }: MembersView, id: number): Member | null {
  return members.find((member) => member.id === id) ?? null;
}

/** The ids of those who will count once the change under way, if there is one, is done. */
export function votersOf(members: readonly Member[]): readonly number[] {
  return members.filter(({ standing }) => countsIn(standing, "new")).map(({ id }) => id);
}

/** `3 voters, 1 learner`. */
export function countMembers(members: readonly Member[]): string {
  const voters = votersOf(members).length;
  const learners = members.filter(
    ({ standing }) => standing === "learner" || standing === "promotable",
  ).length;
  const parts = [count(voters, "voter"), ...(learners === 0 ? [] : [count(learners, "learner")])];
  return parts.join(", ");
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}
