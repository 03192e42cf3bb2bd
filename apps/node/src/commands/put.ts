import { timeoutFlag, withClientOfWhole } from "../client/with-client.ts";
import { clusterToAsk } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { ExitCode } from "../exit-code.ts";

export const put: Command = defineCommand({
  name: "put",
  summary: "set the value of a key",
  operands: ["KEY", "VALUE"],
  flags: { cluster: clusterToAsk, "timeout-ms": timeoutFlag },
  notes: [
    "Prints nothing; done is done: the write is replicated, and applied exactly once however often it had to be sent.",
    "Exit code 4: no answer came, and the write may have been done. A value that begins with a dash follows --, as in: eraft put key -- -1",
  ],
  run: async ({ flags, operands: [key = "", value = ""] }) => {
    await withClientOfWhole(flags.cluster, flags["timeout-ms"], ({ client }) => client.put(key, value));
    return ExitCode.ok;
  },
});
