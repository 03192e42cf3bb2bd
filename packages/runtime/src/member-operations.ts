import type { MemberChange, NodeId } from "@eraft/core";
import type { Membership } from "./membership.ts";
import type { ChangeOptions } from "./request-options.ts";

/** Names for the usual changes of members. Each is one {@link MemberOperations.changeMembers}, and ends like it. */
export abstract class MemberOperations {
  /** See `RaftNode`. */
  abstract changeMembers(changes: readonly MemberChange[], options?: ChangeOptions): Promise<Membership>;

  /**
   * Adds a server at `address`, which was started with no peers. It gets the log as a learner and becomes a voter once it has caught up (dissertation, 4.2.1):
   * then this resolves. While that server cannot be reached, it waits; `signal` ends the wait, and removing it ends the attempt.
   */
  addVoter(id: NodeId, address: string, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "addVoter", id, address }], options);
  }

  /** Adds a server that gets the log and counts nowhere. It answers reads like any other. */
  addLearner(id: NodeId, address: string, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "addLearner", id, address }], options);
  }

  /** Makes a learner a voter, once it has caught up. */
  promote(id: NodeId, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "promote", id }], options);
  }

  /** Makes a voter a learner. A leader that demotes itself hands its leadership over when that is done. */
  demote(id: NodeId, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "demote", id }], options);
  }

  /** Removes a server. A leader that removes itself hands its leadership over when that is done. */
  removeMember(id: NodeId, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "remove", id }], options);
  }

  /** Says where a server is from now on. It keeps its data, its id and its standing. */
  setAddress(id: NodeId, address: string, options: ChangeOptions = {}): Promise<Membership> {
    return this.changeMembers([{ type: "setAddress", id, address }], options);
  }

  /**
   * Puts the server `id` at `address` in the place of `old`, in one step once it has caught up: until then `old` counts. So the log is never on fewer voters
   * than before.
   */
  replaceMember(old: NodeId, id: NodeId, address: string, options: ChangeOptions = {}): Promise<Membership> {
    const changes: MemberChange[] = [
      { type: "addVoter", id, address },
      { type: "remove", id: old },
    ];
    return this.changeMembers(changes, options);
  }
}
