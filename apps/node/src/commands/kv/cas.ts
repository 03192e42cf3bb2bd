import type { KvExpected, KvItem, KvSwapped } from "@eraft/kv";
import type { Arguments } from "../../args.ts";
import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { CommandError, UsageError } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { integer, onOff, text } from "../../flags.ts";
import { jsonItem } from "../../format/item-json.ts";
import { escaped } from "../../format/text.ts";
import { escapedFlag, jsonFlag, keyOf, valueOf } from "./shared.ts";

const FLAGS = {
  cluster: clusterToAsk,
  value: text("TEXT", "only if this is the value"),
  revision: integer<null>({
    help: "only if the value was written by this revision, and by none since (mod_revision in --json)",
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    fallback: { value: null },
  }),
  absent: onOff("only if there is no such key"),
  present: onOff("only if there is such a key"),
  delete: onOff("delete the key instead of setting its value"),
  escaped: escapedFlag,
  json: jsonFlag,
  "timeout-ms": timeoutFlag,
};

type Flags = Arguments<typeof FLAGS>["flags"];

export const cas: Command = defineCommand({
  name: "cas",
  summary: "set the value of a key if it is as expected",
  operands: ["KEY", "[NEW-VALUE]"],
  flags: FLAGS,
  examples: [
    ["cas color red --value blue", "red, if it is blue"],
    ["cas leader me --absent", "create it, if nobody has"],
    ["cas color red --revision 17", "red, if revision 17 wrote it last"],
    ["cas color --delete --value red", "delete it, if it is red"],
  ],
  notes: [
    "Compare and swap: exactly one of --value, --revision, --absent and --present says what is expected. Prints nothing, or with --json swapped, revision, and the item as it is then.",
    "Exit code 5: it was not as expected, and nothing was changed; the line on stderr says what it is. Exit code 4: no answer came, and it may have been done.",
  ],
  run: async ({ flags, operands: [operand = "", newValue] }, io) => {
    const key = keyOf("cas", operand, flags.escaped);
    const expected = expectedOf(flags);
    const value = newValueOf(newValue, flags);
    const answer = await withStore(flags.cluster, flags["timeout-ms"], (store) =>
      store.compareAndSwap(key, expected, value),
    );
    if (flags.json) io.out(`${JSON.stringify(casJson(answer))}\n`);
    if (answer.swapped) return ExitCode.ok;
    if (flags.json) return ExitCode.conditionFailed;
    throw new CommandError(`nothing was changed: ${stateOf(answer.item)}`, ExitCode.conditionFailed);
  },
});

function expectedOf({ value, revision, absent, present, escaped }: Flags): KvExpected {
  const given = Object.entries({ value: value !== null, revision: revision !== null, absent, present })
    .filter(([, isGiven]) => isGiven)
    .map(([name]) => `--${name}`);
  if (given.length > 1) throw new UsageError(`${given.join(" and ")} exclude each other`, "cas");
  if (value !== null) return { value: valueOf("cas", value, escaped, "--value") };
  if (revision !== null) return { modRevision: revision };
  if (absent || present) return { exists: present };
  throw new UsageError(
    "what is expected is missing: --value TEXT, --revision N, --absent or --present",
    "cas",
  );
}

function newValueOf(value: string | undefined, flags: Flags): ReturnType<typeof valueOf> | null {
  if (flags.delete && value !== undefined) {
    throw new UsageError(`--delete takes no NEW-VALUE, but ${JSON.stringify(value)} is given`, "cas");
  }
  if (flags.delete && flags.absent) throw new UsageError("--delete and --absent exclude each other", "cas");
  if (flags.delete) return null;
  if (value === undefined) throw new UsageError("NEW-VALUE is missing, or --delete", "cas");
  return valueOf("cas", value, flags.escaped, "NEW-VALUE");
}

function casJson({ swapped, revision, item }: KvSwapped): object {
  return { swapped, revision, item: item === null ? null : jsonItem(item) };
}

function stateOf(item: KvItem | null): string {
  return item === null
    ? "there is no such key"
    : `its value is ${escaped(item.value)}, of revision ${item.modRevision}`;
}
