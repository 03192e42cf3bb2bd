import type { LogIndex, MemberChange, NodeId } from "@eraft/core";
import type { Words } from "./words.ts";

/** `addVoter 3 at host-3 remove 2 expecting 4`: changes, and the index of the configuration that is expected to be in force. */
export function parseChanges(words: Words): { changes: MemberChange[]; expectedIndex: LogIndex | null } {
  const changes: MemberChange[] = [];
  while (!words.isEmpty) {
    if (words.take("expecting")) return { changes, expectedIndex: words.count("an index") };
    changes.push(parseChange(words));
  }
  return { changes, expectedIndex: null };
}

function parseChange(words: Words): MemberChange {
  const type = words.word("a change");
  const id = words.count("a server");
  switch (type) {
    case "addVoter":
    case "addLearner":
    case "setAddress":
      return { type, id, address: words.take("at") ? words.word("an address") : "" };
    case "promote":
    case "demote":
    case "remove":
      return { type, id };
    default:
      throw new Error(
        `there is no change "${type}"; there are addVoter, addLearner, promote, demote, remove, setAddress`,
      );
  }
}

/** `to 2`, or nothing: whoever is best prepared. */
export function parseTarget(words: Words): NodeId | null {
  return words.take("to") ? words.count("a server") : null;
}

/** `lease`, or nothing. */
export function parseConsistency(words: Words): "linearizable" | "lease" {
  return words.take("lease") ? "lease" : "linearizable";
}
