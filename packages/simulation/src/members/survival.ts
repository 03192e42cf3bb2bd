import type { Configuration, Member } from "@eraft/core";
import { halvesOf } from "../invariants/majorities.ts";

/**
 * Whether a cluster with these members can go on if only those for whom `isIntact` is true are left: also when learners that are to become voters do so,
 * which they do without asking. Those of them that are lost then only make the majority larger.
 */
export function survives(configuration: Configuration, isIntact: (member: Member) => boolean): boolean {
  const burdens = configuration.members.filter(
    (member) => member.standing === "promotable" && !isIntact(member),
  ).length;
  const halves = halvesOf(configuration);
  return halves.every(({ size, electors }, at) => {
    const isNewHalf = at === halves.length - 1;
    return 2 * electors.filter(isIntact).length > size + (isNewHalf ? burdens : 0);
  });
}
