import type { Configuration, IdentityRefusal, LogIndex, Member, NodeId } from "@eraft/core";

/** Who belongs to the cluster, as the latest configuration in this server's log says, committed or not (dissertation, 4.1). */
export interface Membership {
  /**
   * The index of the log entry that says so, or of the snapshot that stands for it; 0 for the members that the cluster began with. Servers may differ in
   * it where they agree on the members: for `expectedIndex`, ask the leader.
   */
  readonly index: LogIndex;
  /** In order of their ids. */
  readonly members: readonly Member[];
  /** True in the middle of a change of voters: a majority of the old ones and one of the new ones are needed (4.3). */
  readonly isJoint: boolean;
}

/** Why two servers do not talk, and which of them says so. */
export interface Rejection {
  readonly by: NodeId;
  readonly refusal: IdentityRefusal;
}

/** Whether both name the same servers at the same addresses. */
export function isSameMembers({ members }: Configuration, addresses: ReadonlyMap<NodeId, string>): boolean {
  if (members.length !== addresses.size) return false;
  return members.every(({ id, address, standing }) => {
    const given = addresses.get(id);
    return standing === "voter" && given !== undefined && (address === "" || address === given);
  });
}
