import type { MemberChange, NodeId } from "@eraft/core";
import { ChangePendingError, ChangeRefusedError } from "./change-errors.ts";
import type { Membership } from "./membership.ts";
import type { ChangeOptions } from "./request-options.ts";

/** How often to ask again whether a change may be made. */
const TRIES = 20;

/** Names for the usual changes of members. Each is one {@link MemberOperations.changeMembers}, or two, and ends like it. */
export abstract class MemberOperations {
  /** See `RaftNode`. */
  abstract changeMembers(changes: readonly MemberChange[], options?: ChangeOptions): Promise<Membership>;

  /** See `RaftNode`. */
  abstract membership(): Membership;

  /** Resolves when the cluster has had time for a step of its own. */
  protected abstract pause(): Promise<void>;

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
   * Puts the server `id` at `address` in the place of `old`: adds it and, as soon as it is a voter, removes `old`. So the log is never on fewer servers
   * than before. If it ends in between, both are members: remove one of them.
   */
  async replaceMember(
    old: NodeId,
    id: NodeId,
    address: string,
    options: ChangeOptions = {},
  ): Promise<Membership> {
    if (!this.membership().members.some((member) => member.id === old)) {
      throw new ChangeRefusedError(`server ${old} is not a member`);
    }
    await this.addVoter(id, address, options);
    const { signal } = options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.removeMember(old, signal === undefined ? {} : { signal });
      } catch (error) {
        // The leader may have begun another change at once: it writes down which disk speaks for the new server.
        if (!(error instanceof ChangePendingError) || tries === TRIES) throw error;
      }
      await this.pause();
    }
  }
}
