import type { KvItem } from "@eraft/kv";
import { readText } from "../../client/read-input.ts";
import { nameOf } from "../../client/read-input.ts";
import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { batchJson, parseBatch } from "../../format/batch-json.ts";
import { escaped } from "../../format/text.ts";
import { jsonFlag } from "./shared.ts";

/** More than the largest batch in the longest JSON. */
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

export const batch: Command = defineCommand({
  name: "batch",
  summary: "do several things at once, or none of them",
  operands: ["[FILE]"],
  flags: { cluster: clusterToAsk, json: jsonFlag, "timeout-ms": timeoutFlag },
  examples: [
    [`batch <<< '{"do":[{"op":"put","key":"a","value":"1"},{"op":"delete","key":"b"}]}'`, "two changes"],
    [`batch <<< '{"when":[{"key":"a","value":"1"}],"do":[{"op":"delete","key":"a"}]}'`, "only if a is 1"],
    ["batch transfer.json --json", "from a file, and answered with JSON"],
  ],
  notes: [
    'Reads one JSON object from FILE, or from stdin: "do" is a list of operations, each with "op" (get, put, append, delete), "key", and for put and append "value"; "when" is a list of conditions that all have to hold, ' +
      'each with "key" and one of "value", "exists" (true or false) and "mod_revision". Bytes that are no UTF-8 are "key_base64" and "value_base64".',
    "All of it is done in order and with nothing in between, exactly once, or nothing. Prints what each get has found, or with --json done, revision and a result for each operation.",
    "Exit code 5: a condition did not hold, and nothing was done. Exit code 4: no answer came, and it may have been done.",
  ],
  run: async ({ flags, operands: [file = "-"] }, io) => {
    const { when, operations } = parseBatch(nameOf(file), await readText(file, io, MAX_INPUT_BYTES));
    const answer = await withStore(flags.cluster, flags["timeout-ms"], (store) =>
      store.batch(operations, { when }),
    );
    if (flags.json) {
      io.out(`${JSON.stringify(batchJson(operations, answer))}\n`);
      return answer.done ? ExitCode.ok : ExitCode.conditionFailed;
    }
    if (!answer.done) {
      throw new CommandError(
        `nothing was done: condition ${answer.failedCondition} does not hold`,
        ExitCode.conditionFailed,
      );
    }
    for (const [at, { op }] of operations.entries()) {
      const result = answer.results[at];
      if (op === "get") io.out(getLine(typeof result === "object" ? result : null, operations[at]?.key));
    }
    return ExitCode.ok;
  },
});

function getLine(item: KvItem | null, key: string | Uint8Array | undefined): string {
  const bytes = typeof key === "string" ? new TextEncoder().encode(key) : (key ?? new Uint8Array());
  return item === null ? `${escaped(bytes)}: no such key\n` : `${escaped(bytes)}\t${escaped(item.value)}\n`;
}
