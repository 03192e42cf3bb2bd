import { timeoutFlag, withClientOfWhole } from "../client/with-client.ts";
import { clusterToAsk } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { ExitCode } from "../exit-code.ts";

export const append: Command = defineCommand({
  name: "append",
  summary: "add to the end of the value of a key",
  operands: ["KEY", "VALUE"],
  flags: { cluster: clusterToAsk, "timeout-ms": timeoutFlag },
  notes: [
    "Sets the value if there is none. Prints nothing; done is done: the write is replicated, and applied exactly once.",
    "Exit code 4: no answer came, and the write may have been done. A value that begins with a dash follows --, as in: eraft append key -- -1",
  ],
  run: async ({ flags, operands: [key = "", value = ""] }) => {
    await withClientOfWhole(flags.cluster, flags["timeout-ms"], ({ client }) => client.append(key, value));
    return ExitCode.ok;
  },
});
