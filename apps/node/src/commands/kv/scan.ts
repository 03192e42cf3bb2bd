import type { KvScanOptions } from "@eraft/kv";
import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { ExitCode } from "../../exit-code.ts";
import { integer, onOff } from "../../flags.ts";
import { jsonItem } from "../../format/item-json.ts";
import { escaped } from "../../format/text.ts";
import { consistencyFlag, escapedFlag, jsonLinesFlag, rangeFlags, rangeOf } from "./shared.ts";

export const scan: Command = defineCommand({
  name: "scan",
  summary: "print keys and values in order",
  operands: ["[PREFIX]"],
  flags: {
    cluster: clusterToAsk,
    ...rangeFlags,
    limit: integer<null>({
      help: "end after so many",
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      fallback: { value: null },
    }),
    "keys-only": onOff("leave the values out"),
    descending: onOff("from the last key to the first"),
    consistency: consistencyFlag,
    escaped: escapedFlag,
    json: jsonLinesFlag,
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["scan", "everything"],
    ["scan user/", "the keys that begin with user/"],
    ["scan --start a --end c --limit 10", "the first ten from a up to, without, c"],
    ["scan user/ --keys-only | wc -l", "how many there are"],
    ["scan --json | jq -r .value", "with revisions, for programs"],
  ],
  notes: [
    String.raw`Prints a line for each: the key, a tab, the value. What would break the line is escaped: \n, \t, \\, and \xff for bytes that are no UTF-8. Ordered by the bytes of the keys.`,
    "It asks for page after page: what is written meanwhile may show in those that follow. --timeout-ms is for each page.",
  ],
  run: async ({ flags, operands: [prefix] }, io) => {
    const range = rangeOf("scan", prefix, flags);
    const { cluster, limit, descending, consistency, json } = flags;
    const keysOnly = flags["keys-only"];
    const options: KvScanOptions = {
      keysOnly,
      descending,
      consistency,
      ...(limit === null ? {} : { limit }),
    };
    await withStore(
      cluster,
      flags["timeout-ms"],
      async (store) => {
        for await (const item of store.scan(range, options)) {
          const value = keysOnly ? "" : `\t${escaped(item.value)}`;
          io.out(
            json ? `${JSON.stringify(jsonItem(item, { keysOnly }))}\n` : `${escaped(item.key)}${value}\n`,
          );
          await io.drained();
        }
      },
      // Whose state it is matters when that need not be the newest: nobody is asked who was not named.
      { only: consistency === "stale" },
    );
    return ExitCode.ok;
  },
});
