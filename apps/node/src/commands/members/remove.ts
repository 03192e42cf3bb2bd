import { type Command, defineCommand } from "../../command.ts";
import { remove } from "../../members/goals.ts";
import { CHANGE_FLAGS, idOperand, reach } from "./member-command.ts";

export const memberRemove: Command = defineCommand({
  name: "member remove",
  summary: "take a node out of the cluster",
  operands: ["ID"],
  flags: CHANGE_FLAGS,
  notes: [
    "The node goes on running, without a part in anything: stop it, and delete its data directory. If it leads, another one takes over.",
    "Refused if too few of the voters that would be left answer for the cluster to go on.",
    "Exit code 4: it is not done yet, or there was no answer; eraft member list tells.",
  ],
  run: async ({ flags, operands: [text = ""] }, io) => {
    const id = idOperand("member remove", text);
    return reach(flags, io, () => [remove(id)]);
  },
});
