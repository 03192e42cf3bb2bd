import { CommandError } from "../errors.ts";
import { type Goal, addInPlaceOf, addVoter, gone } from "./goals.ts";
import { type MembersView, memberIn } from "./view.ts";

/**
 * The steps that put node `newId` in the place of `oldId`.
 *
 * One request asks for both: the leader lets the old one go in the step in which the new one becomes a voter, so that there are never fewer voters than before,
 * nor more. That it is to go, only this leader knows: another one that comes before makes the new one a voter and leaves the old one where it is. Then the
 * second step removes it.
 */
export function replacement(
  view: MembersView,
  oldId: number,
  newId: number,
  address: string,
): readonly Goal[] {
  if (memberIn(view, oldId) === null) {
    // Taken up again after the old one went, the new one need only catch up.
    if (memberIn(view, newId) !== null) return [addVoter(newId, address)];
    throw new CommandError(
      `node ${oldId} is not a member; the members are ${view.members.map(({ id }) => id).join(", ")}; nothing was done`,
    );
  }
  return [addInPlaceOf(oldId, newId, address), gone(oldId)];
}
