import { type Command, defineCommand } from "../../command.ts";
import { onOff } from "../../flags.ts";
import { addLearner, addVoter } from "../../members/goals.ts";
import { CHANGE_FLAGS, addressOperand, idOperand, reach } from "./member-command.ts";

export const memberAdd: Command = defineCommand({
  name: "member add",
  summary: "add a node to the cluster, and wait until it is a voter",
  operands: ["ID", "HOST:PORT"],
  flags: {
    ...CHANGE_FLAGS,
    learner: onOff("add it as a learner, which gets all data and has no vote, for good"),
  },
  notes: [
    "ID is a number that no other node has had; HOST:PORT is where the other nodes reach it. Start it, before or after, with: " +
      "eraft serve --id ID --listen HOST:PORT --join A --data-dir DIR, where A is any node of the cluster.",
    "It begins as a learner and is made a voter when it has caught up, also if nobody waits for that. What is waited for is told on stderr.",
    "Exit code 4: it is not done yet, or there was no answer; eraft member list tells. Repeating the command goes on where it was.",
  ],
  run: async ({ flags, operands: [id = "", address = ""] }, io) => {
    const at = [idOperand("member add", id), addressOperand("member add", address)] as const;
    return reach(flags, io, () => [flags.learner ? addLearner(...at) : addVoter(...at)]);
  },
});
