import type { MemberChange, NodeId } from "@eraft/core";
import { RaftError } from "@eraft/runtime";
import { setTimeout } from "node:timers/promises";
import type { JsonLogger } from "../logger.ts";
import type { KvRaftNode } from "./compose.ts";
import { Redirections } from "./redirections.ts";

const TRY_AGAIN_AFTER_MS = 200;

/**
 * Has the cluster write down where its nodes are by now, as soon as this one leads. `actual`: where they are. What the log says at the moment is
 * outdated, what it comes to say is not.
 *
 * The log is where members look each other up. When all of them have moved at once, no majority can be reached at the addresses in it, and nothing can
 * be written to it either: so the nodes are told by their command lines once, and the first leader sets the log right.
 */
export function readdress(
  node: Pick<KvRaftNode, "on" | "status" | "membership" | "changeMembers">,
  actual: ReadonlyMap<NodeId, string>,
  logger: JsonLogger,
): void {
  const redirections = new Redirections(actual);
  const follow = (): void => {
    redirections.follow(node.membership().members.map(({ id, address }) => [id, address]));
  };
  const outdated = (): MemberChange[] =>
    node.membership().members.flatMap(({ id, address }): MemberChange[] => {
      const now = redirections.where(id, address);
      return now === address ? [] : [{ type: "setAddress", id, address: now }];
    });
  follow();
  node.on("membership", follow);
  let isBusy = false;
  const write = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      while (node.status().role === "leader") {
        const changes = outdated();
        if (changes.length === 0) return;
        if (await isWritten(node, changes)) {
          logger.info("The addresses in the log are those of the command line now.", { changes });
          return;
        }
        await setTimeout(TRY_AGAIN_AFTER_MS);
      }
    } finally {
      isBusy = false;
    }
  };
  node.on("role", () => void write());
  // It may lead already, if it is alone.
  void write();
}

async function isWritten(
  node: Pick<KvRaftNode, "changeMembers">,
  changes: readonly MemberChange[],
): Promise<boolean> {
  try {
    await node.changeMembers(changes);
    return true;
  } catch (error) {
    // A leader that is new does not take changes yet; one that has been deposed, or stopped, leaves it to the next.
    if (error instanceof RaftError) return false;
    throw error;
  }
}
