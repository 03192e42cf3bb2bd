import { withEitherContract } from "../../client/either-contract.ts";
import { timeoutFlag } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { ExitCode } from "../../exit-code.ts";
import { escapedFlag, jsonRevisionFlag, keyOf, textFor, valueOf } from "./shared.ts";

export const append: Command = defineCommand({
  name: "append",
  summary: "add to the end of the value of a key",
  operands: ["KEY", "VALUE"],
  flags: {
    cluster: clusterToAsk,
    escaped: escapedFlag,
    json: jsonRevisionFlag,
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["append log three,", "add to the end"],
    ["append log four, --json", "and print the revision that did it"],
    ["append log -- -1", "a value that begins with a dash"],
    [String.raw`append --escaped log '\xff\x00'`, "bytes that are no text"],
  ],
  notes: [
    "Sets the value if there is none. Prints nothing, or with --json revision (null from Go nodes, which have none). Done is done: the write is replicated, and applied exactly once however often it had to be sent.",
    "Exit code 4: no answer came, and the write may have been done.",
  ],
  run: async ({ flags, operands: [keyOperand = "", valueOperand = ""] }, io) => {
    const key = keyOf("append", keyOperand, flags.escaped);
    const value = valueOf("append", valueOperand, flags.escaped);
    const revision = await withEitherContract<number | null>(flags.cluster, flags["timeout-ms"], {
      v1: async (store) => (await store.append(key, value)).revision,
      go: async (client) => {
        await client.append(textFor("KEY", key), textFor("VALUE", value));
        return null;
      },
    });
    if (flags.json) io.out(`${JSON.stringify({ revision })}\n`);
    return ExitCode.ok;
  },
});
