import { type Command, defineCommand } from "../../command.ts";
import { move } from "../../members/goals.ts";
import { CHANGE_FLAGS, addressOperand, idOperand, reach } from "./member-command.ts";

export const memberMove: Command = defineCommand({
  name: "member move",
  summary: "tell the cluster that a node has another address",
  operands: ["ID", "HOST:PORT"],
  flags: CHANGE_FLAGS,
  notes: [
    "Stop the node, move its data directory, start it with --listen at its new address, and run this. It keeps its id, its vote and its data.",
    "One node at a time: the others go on only while a majority is reachable.",
  ],
  run: async ({ flags, operands: [id = "", address = ""] }, io) => {
    const goal = move(idOperand("member move", id), addressOperand("member move", address));
    return reach(flags, io, () => [goal]);
  },
});
