import { timeoutFlag, withClientOfWhole } from "../client/with-client.ts";
import { clusterToAsk } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";

export const get: Command = defineCommand({
  name: "get",
  summary: "print the value of a key",
  operands: ["KEY"],
  flags: { cluster: clusterToAsk, "timeout-ms": timeoutFlag },
  notes: [
    "Prints the value, a newline and nothing else: at least as new as everything that was done before. Exit code 3: there is no such key.",
  ],
  run: async ({ flags, operands: [key = ""] }, io) => {
    const value = await withClientOfWhole(flags.cluster, flags["timeout-ms"], ({ client }) =>
      client.get(key),
    );
    if (value === null) throw new CommandError(`no such key: ${JSON.stringify(key)}`, ExitCode.noSuchKey);
    io.out(`${value}\n`);
    return ExitCode.ok;
  },
});
