import { type Command, defineCommand } from "../../command.ts";
import { UsageError } from "../../errors.ts";
import { replacement } from "../../members/replacement.ts";
import { CHANGE_FLAGS, addressOperand, idOperand, reach } from "./member-command.ts";

export const memberReplace: Command = defineCommand({
  name: "member replace",
  summary: "put a new node in the place of another one",
  operands: ["OLD-ID", "NEW-ID", "HOST:PORT"],
  flags: CHANGE_FLAGS,
  notes: [
    "One request: the new one is added as by eraft member add, and the old one goes in the step in which the new one becomes a voter. At no time are there fewer voters, or more. " +
      "Only in a cluster with as many voters as there can be the old one goes first.",
    "A leader that is elected meanwhile does not know who is to go; then the command removes the old one when the new one is a voter, and whoever did not wait has to repeat it.",
    "Exit code 4: it is not done yet, or there was no answer; eraft member list tells. Repeating the command goes on where it was.",
  ],
  run: async ({ flags, operands: [old = "", id = "", address = ""] }, io) => {
    const command = "member replace";
    const [oldId, newId] = [idOperand(command, old), idOperand(command, id)];
    if (oldId === newId)
      throw new UsageError(`node ${oldId} cannot replace itself: the new one needs another id`, command);
    const at = addressOperand(command, address);
    return reach(flags, io, (view) => replacement(view, oldId, newId, at));
  },
});
