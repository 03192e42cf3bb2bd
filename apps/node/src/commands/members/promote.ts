import { type Command, defineCommand } from "../../command.ts";
import { promote } from "../../members/goals.ts";
import { CHANGE_FLAGS, idOperand, reach } from "./member-command.ts";

export const memberPromote: Command = defineCommand({
  name: "member promote",
  summary: "make a learner a voter as soon as it has caught up",
  operands: ["ID"],
  flags: CHANGE_FLAGS,
  notes: ["Exit code 4: it is not done yet, or there was no answer; eraft member list tells."],
  run: async ({ flags, operands: [text = ""] }, io) => {
    const id = idOperand("member promote", text);
    return reach(flags, io, () => [promote(id)]);
  },
});
