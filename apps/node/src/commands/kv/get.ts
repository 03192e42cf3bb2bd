import { withEitherContract } from "../../client/either-contract.ts";
import { timeoutFlag } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { onOff } from "../../flags.ts";
import { type AnyItem, jsonItem } from "../../format/item-json.ts";
import { escaped, textOrNull } from "../../format/text.ts";
import { consistencyFlag, jsonFlag, keyOf, textFor } from "./shared.ts";

export const get: Command = defineCommand({
  name: "get",
  summary: "print the value of a key",
  operands: ["KEY"],
  flags: {
    cluster: clusterToAsk,
    consistency: consistencyFlag,
    escaped: onOff(String.raw`the key is written with escapes, and the value printed so: \n, \t, \\, \xff`),
    json: jsonFlag,
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["get color", "the value"],
    ["get color --json", "with its revisions"],
    ["get logo > logo.png", "byte for byte, and a newline"],
    [
      String.raw`get --escaped 'user/\xff'`,
      "a key that is no text, and what would disturb a terminal escaped",
    ],
    ["get color --consistency stale --cluster 127.0.0.1:5002", "as this one node has it"],
  ],
  notes: [
    "Prints the value, a newline and nothing else: at least as new as everything that was done before, unless --consistency asks for less. Exit code 3: there is no such key.",
    "With --json prints key, value, create_revision and mod_revision, which are null from Go nodes; null if there is no such key.",
    "A stale read is answered by the first of the addresses that does, whoever leads, also where there is no majority. A lease read saves a round of messages if the nodes run with --max-clock-drift-percent; otherwise it is linearizable.",
  ],
  run: async ({ flags, operands: [operand = ""] }, io) => {
    const { cluster, consistency } = flags;
    const key = keyOf("get", operand, flags.escaped);
    const item = await withEitherContract<AnyItem | null>(
      cluster,
      flags["timeout-ms"],
      {
        v1: (store) => store.get(key, { consistency }),
        go: async (client) => {
          const value = await client.get(textFor("KEY", key), { consistency });
          if (value === null) return null;
          return { key, value: new TextEncoder().encode(value), createRevision: null, modRevision: null };
        },
      },
      // Whose state it is matters when that need not be the newest: nobody is asked who was not named.
      { only: consistency === "stale" },
    );
    if (flags.json) {
      io.out(`${JSON.stringify(item === null ? null : jsonItem(item))}\n`);
      return item === null ? ExitCode.noSuchKey : ExitCode.ok;
    }
    if (item === null) throw new CommandError(`no such key: ${JSON.stringify(operand)}`, ExitCode.noSuchKey);
    io.out(flags.escaped ? `${escaped(item.value)}\n` : line(item.value));
    return ExitCode.ok;
  },
});

function line(value: Uint8Array): string | Uint8Array {
  const text = textOrNull(value);
  return text === null ? Buffer.concat([value, Buffer.from("\n")]) : `${text}\n`;
}
