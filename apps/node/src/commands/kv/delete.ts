import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { escapedFlag, jsonFlag, keyOf } from "./shared.ts";

export const remove: Command = defineCommand({
  name: "delete",
  summary: "remove a key",
  operands: ["KEY"],
  flags: { cluster: clusterToAsk, escaped: escapedFlag, json: jsonFlag, "timeout-ms": timeoutFlag },
  examples: [
    ["delete color", "remove a key and its value"],
    ["delete color --json", "and print the revision that did it"],
  ],
  notes: [
    "Prints nothing, or with --json deleted and revision. Done is done, and exactly once, however often it had to be sent.",
    "Exit code 3: there was no such key, and nothing was changed. Exit code 4: no answer came, and it may have been done.",
  ],
  run: async ({ flags, operands: [operand = ""] }, io) => {
    const key = keyOf("delete", operand, flags.escaped);
    const { deleted, revision } = await withStore(flags.cluster, flags["timeout-ms"], (store) =>
      store.delete(key),
    );
    if (flags.json) io.out(`${JSON.stringify({ deleted, revision })}\n`);
    if (deleted) return ExitCode.ok;
    if (flags.json) return ExitCode.noSuchKey;
    throw new CommandError(`no such key: ${JSON.stringify(operand)}`, ExitCode.noSuchKey);
  },
});
