import type { Member, MemberChange } from "@eraft/core";
import { type MembersView, countMembers, isSettled, memberIn } from "./view.ts";

/** How far a cluster is from what an operator wants. */
export type Stage = "toDo" | "underWay" | "done";

/** What an operator wants of the members, as something that can be looked at: repeated, taken up again, or found done. */
export interface Goal {
  readonly changes: readonly MemberChange[];
  /** Why it cannot be right, by what the members were before anything was asked for; null to go on. */
  readonly problem: (view: MembersView) => string | null;
  readonly stage: (view: MembersView) => Stage;
  /** Who has to catch up before it is done; null for nobody. */
  readonly awaited: number | null;
  /** Once it is done: what there is now. */
  readonly result: (view: MembersView) => string;
}

export function addVoter(id: number, address: string): Goal {
  return {
    changes: [{ type: "addVoter", id, address }],
    problem: (view) => {
      const member = memberIn(view, id);
      if (member?.standing === "learner" && member.address === address) {
        return `node ${id} is a learner: eraft member promote ${id} makes it a voter`;
      }
      return elsewhere(member, address) ?? taken(view, id, address);
    },
    stage: (view) => towardsVoter(view, id),
    awaited: id,
    result: (view) => `node ${id} is a voter: ${countMembers(view.members)}`,
  };
}

/** A voter, and in the step in which it becomes one `oldId` goes. */
export function addInPlaceOf(oldId: number, id: number, address: string): Goal {
  const goal = addVoter(id, address);
  return { ...goal, changes: [...goal.changes, { type: "remove", id: oldId }] };
}

export function addLearner(id: number, address: string): Goal {
  return {
    changes: [{ type: "addLearner", id, address }],
    problem: (view) => {
      const member = memberIn(view, id);
      if (member !== null && member.standing !== "learner") {
        return `node ${id} is a member already (${member.standing}): eraft member demote ${id} makes it a learner`;
      }
      return elsewhere(member, address) ?? taken(view, id, address);
    },
    stage: (view) => {
      const standing = memberIn(view, id)?.standing;
      if (standing === undefined || standing === "outgoing") return "toDo";
      return standing === "learner" && isSettled(view) ? "done" : "underWay";
    },
    awaited: null,
    result: (view) => `node ${id} is a learner: ${countMembers(view.members)}`,
  };
}

export function promote(id: number): Goal {
  return {
    changes: [{ type: "promote", id }],
    problem: (view) => missing(view, id),
    stage: (view) => towardsVoter(view, id),
    awaited: id,
    result: (view) => `node ${id} is a voter: ${countMembers(view.members)}`,
  };
}

export function demote(id: number): Goal {
  return {
    changes: [{ type: "demote", id }],
    problem: (view) => missing(view, id),
    stage: (view) => {
      const standing = memberIn(view, id)?.standing;
      if (standing === "demoted") return "underWay";
      if (standing !== "learner") return "toDo";
      return isSettled(view) ? "done" : "underWay";
    },
    awaited: null,
    result: (view) => `node ${id} is a learner: ${countMembers(view.members)}`,
  };
}

export function remove(id: number): Goal {
  return {
    changes: [{ type: "remove", id }],
    problem: (view) => missing(view, id),
    stage: (view) => {
      const member = memberIn(view, id);
      if (member?.standing === "outgoing") return "underWay";
      if (member !== null) return "toDo";
      return isSettled(view) ? "done" : "underWay";
    },
    awaited: null,
    result: (view) =>
      `node ${id} is no longer a member: ${countMembers(view.members)}; its process can be stopped, and its data deleted`,
  };
}

/** As `remove`, where it may be gone already. */
export function gone(id: number): Goal {
  return { ...remove(id), problem: () => null };
}

export function move(id: number, address: string): Goal {
  return {
    changes: [{ type: "setAddress", id, address }],
    problem: (view) => missing(view, id) ?? taken(view, id, address),
    stage: (view) => {
      if (memberIn(view, id)?.address !== address) return "toDo";
      return view.isCommitted ? "done" : "underWay";
    },
    awaited: null,
    result: () => `node ${id} is at ${address} for all members`,
  };
}

function towardsVoter(view: MembersView, id: number): Stage {
  switch (memberIn(view, id)?.standing) {
    case undefined:
    case "outgoing":
    case "demoted":
    case "learner":
      return "toDo";
    case "voter":
      return isSettled(view) ? "done" : "underWay";
    case "incoming":
    case "promotable":
    case "rejoining":
      return "underWay";
  }
}

function missing(view: MembersView, id: number): string | null {
  if (memberIn(view, id) !== null) return null;
  return `node ${id} is not a member; the members are ${view.members.map(({ id }) => id).join(", ")}`;
}

function elsewhere(member: Member | null, address: string): string | null {
  if (member === null || member.address === address) return null;
  return `node ${member.id} is a member already, at ${member.address}: eraft member move ${member.id} ${address} gives it another address`;
}

function taken(view: MembersView, id: number, address: string): string | null {
  const other = view.members.find((member) => member.id !== id && member.address === address);
  return other === undefined ? null : `node ${other.id} is at ${address} already`;
}
