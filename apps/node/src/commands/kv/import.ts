import { inputFrom, nameOf, unreadable } from "../../client/read-input.ts";
import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { type DumpItem, itemsOf } from "../../dump/format.ts";
import { load } from "../../dump/load.ts";
import { Progress, itemCount } from "../../dump/progress.ts";
import { CommandError, explain } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { onOff } from "../../flags.ts";
import { JsonInputError } from "../../format/json-fields.ts";
import type { Io } from "../../io.ts";

/** What comes from stdin is kept while it is checked. */
const MAX_STDIN_BYTES = 256 * 1024 * 1024;

export const importItems: Command = defineCommand({
  name: "import",
  summary: "put the keys and values of a file",
  operands: ["FILE"],
  flags: {
    cluster: clusterToAsk,
    "dry-run": onOff("check the file, and write nothing"),
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["import backup.jsonl", "what eraft export has written"],
    ["import backup.jsonl --dry-run", "only check the file"],
    ["import - < backup.jsonl", "from stdin"],
  ],
  notes: [
    "The whole file is checked before the first key is written: the form of each line, the limits, the order of the keys, and that nothing was cut off. From stdin at most 256 MiB.",
    "Keys that are there get the value of the file; keys that are not in the file stay as they are. Batches of up to 100 keys are written one beside the other.",
    "It may be repeated: every key gets the same value again. After a failure the line on stderr says how many were written. --timeout-ms is for each batch.",
  ],
  run: async ({ flags, operands: [file = ""] }, io) => {
    const open = await opener(file, io);
    const progress = new Progress(io);
    const total = await check(file, open, progress);
    if (flags["dry-run"]) {
      io.err(`${nameOf(file)} is good: ${itemCount(total)}; nothing was written\n`);
      return ExitCode.ok;
    }
    let put = 0;
    try {
      await withStore(flags.cluster, flags["timeout-ms"], (store) =>
        load(store, items(file, open), (count) => {
          put += count;
          progress.show(`imported ${itemCount(put)} of ${total.toLocaleString("en-US")}`);
        }),
      );
    } catch (error) {
      progress.clear();
      throw put === 0 ? error : interrupted(put, total, error);
    }
    progress.clear();
    io.err(`imported ${itemCount(put)}\n`);
    return ExitCode.ok;
  },
});

/** What reads the file, as often as it is called. */
async function opener(file: string, io: Io): Promise<() => AsyncIterable<Uint8Array>> {
  if (file !== "-") return () => inputFrom(file, io);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.input()) {
    size += chunk.length;
    if (size > MAX_STDIN_BYTES) {
      throw new CommandError(
        `stdin has more than ${MAX_STDIN_BYTES} bytes: import from a file, which is read twice`,
      );
    }
    chunks.push(chunk);
  }
  return async function* () {
    yield* chunks;
  };
}

async function check(
  file: string,
  open: () => AsyncIterable<Uint8Array>,
  progress: Progress,
): Promise<number> {
  let count = 0;
  for await (const _ of items(file, open)) {
    count += 1;
    progress.show(`checked ${itemCount(count)}`);
  }
  progress.clear();
  return count;
}

async function* items(file: string, open: () => AsyncIterable<Uint8Array>): AsyncGenerator<DumpItem> {
  try {
    yield* itemsOf(nameOf(file), open());
  } catch (error) {
    throw error instanceof JsonInputError ? error : unreadable(file, error);
  }
}

function interrupted(put: number, total: number, error: unknown): CommandError {
  const { line, exitCode } = explain(error);
  return new CommandError(
    `${line}; ${put} of ${itemCount(total)} were written, and perhaps some more: to run the same command again does no harm`,
    exitCode,
    { cause: error },
  );
}
