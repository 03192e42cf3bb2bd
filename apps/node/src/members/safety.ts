import { type Configuration, type MemberChange, Quorum, changed, leaveJoint } from "@eraft/core";
import type { MembersView } from "./view.ts";

/**
 * Why `changes` should not be made, null if nothing speaks against it. What the cluster would refuse is found here first; what it would accept and
 * could not finish is found only here: in a joint configuration without a majority of the new voters nothing is committed any more, no write
 * and no way back (dissertation, 4.3), until enough of them return.
 */
export function objection(
  view: MembersView,
  changes: readonly MemberChange[],
  answers: (id: number) => boolean,
): string | null {
  const next = changed({ members: view.members }, changes);
  if ("refused" in next) return next.refused;
  const after = leaveJoint(firstStep(view, changes) ?? next);
  if (new Quorum(after).isReachedBy(answers)) return null;
  const voters = after.members.filter(({ standing }) => standing === "voter").map(({ id }) => id);
  const silent = voters.filter((id) => !answers(id));
  return (
    `of the voters that would be left (${voters.join(", ")}), ${silent.join(" and ")} ${silent.length === 1 ? "does" : "do"} not answer: ` +
    "the cluster could not finish this, nor serve; bring them back, or remove them first"
  );
}

/**
 * What a request leads to at once if it lets voters go for others: those go only when these have caught up, and so answer. Null where all of it is done at once,
 * as when there is no room for both.
 */
function firstStep(view: MembersView, changes: readonly MemberChange[]): Configuration | null {
  const brings = changes.some(({ type }) => type === "addVoter" || type === "promote");
  const later = changes.filter(({ type }) => type === "remove" || type === "demote");
  if (!brings || later.length === 0) return null;
  const first = changed(
    { members: view.members },
    changes.filter((change) => !later.includes(change)),
  );
  return "refused" in first ? null : first;
}
