import { type Command, defineCommand } from "../../command.ts";
import { demote } from "../../members/goals.ts";
import { CHANGE_FLAGS, idOperand, reach } from "./member-command.ts";

export const memberDemote: Command = defineCommand({
  name: "member demote",
  summary: "make a voter a learner: it goes on getting all data and has no vote",
  operands: ["ID"],
  flags: CHANGE_FLAGS,
  notes: [
    "Refused if too few of the other voters answer for the cluster to go on without this one.",
    "Exit code 4: it is not done yet, or there was no answer; eraft member list tells.",
  ],
  run: async ({ flags, operands: [text = ""] }, io) => {
    const id = idOperand("member demote", text);
    return reach(flags, io, () => [demote(id)]);
  },
});
