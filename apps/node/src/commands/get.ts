import type { KvConsistency } from "@eraft/kv";
import { timeoutFlag, withClientOf, withClientOfWhole } from "../client/with-client.ts";
import { clusterToAsk } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { type Flag, choice } from "../flags.ts";

const consistency: Flag<KvConsistency> = choice({
  help: "linearizable: as new as everything done before; lease: the same as far as clocks are good; stale: whatever the node that is asked has (default linearizable)",
  values: ["linearizable", "lease", "stale"],
  fallback: "linearizable",
});

export const get: Command = defineCommand({
  name: "get",
  summary: "print the value of a key",
  operands: ["KEY"],
  flags: { cluster: clusterToAsk, consistency, "timeout-ms": timeoutFlag },
  notes: [
    "Prints the value, a newline and nothing else: at least as new as everything that was done before, unless --consistency asks for less. Exit code 3: there is no such key.",
    "A stale read is answered by the first of the addresses that does, whoever leads, also where there is no majority. A lease read saves a round of messages if the nodes run with --max-clock-drift-percent; otherwise it is linearizable.",
  ],
  run: async ({ flags, operands: [key = ""] }, io) => {
    const { cluster, consistency } = flags;
    // Whose state it is matters when that need not be the newest: nobody is asked who was not named.
    const withSome = consistency === "stale" ? withClientOf : withClientOfWhole;
    const value = await withSome(cluster, flags["timeout-ms"], ({ client }) =>
      client.get(key, { consistency }),
    );
    if (value === null) throw new CommandError(`no such key: ${JSON.stringify(key)}`, ExitCode.noSuchKey);
    io.out(`${value}\n`);
    return ExitCode.ok;
  },
});
