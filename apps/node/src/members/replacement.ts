import { MAX_PEERS } from "@eraft/core";
import { CommandError } from "../errors.ts";
import { type Goal, addVoter, remove } from "./goals.ts";
import { type MembersView, memberIn, votersOf } from "./view.ts";

/**
 * The steps that put node `newId` in the place of `oldId`.
 *
 * The new one first: until it votes, the old one does. Taken out at once, it would leave a cluster of an even number that one more failure stops,
 * for as long as the new one takes to catch up. With the most voters that there can be, there is no room for that.
 */
export function replacement(
  view: MembersView,
  oldId: number,
  newId: number,
  address: string,
): readonly Goal[] {
  const steps = [addVoter(newId, address), remove(oldId)];
  if (memberIn(view, oldId) === null) {
    // Taken up again after the old one went, the new one need only catch up.
    if (memberIn(view, newId) !== null) return [addVoter(newId, address)];
    throw new CommandError(
      `node ${oldId} is not a member; the members are ${view.members.map(({ id }) => id).join(", ")}; nothing was done`,
    );
  }
  const voters = votersOf(view.members);
  const isFull = voters.length >= MAX_PEERS && !voters.includes(newId);
  return isFull ? steps.toReversed() : steps;
}
