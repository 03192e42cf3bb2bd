import { dumpLevel } from "@eraft/storage-level";
import { dumpWal } from "@eraft/storage-wal";
import { statSync } from "node:fs";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { levelDatabase, storageTypeOf } from "../server/data-dir.ts";

export const walDump: Command = defineCommand({
  name: "wal dump",
  summary: "print what is in a data directory",
  operands: ["DIR"],
  flags: {},
  notes: [
    "Lists each file, each record and each damage, and last what a node would make of it. Changes nothing, and works while a node runs there; " +
      "what that node is writing may then look torn.",
    "Of a directory with --storage level it lists the records of the database, which no node may have in use.",
  ],
  run: async ({ operands: [dir = ""] }, io) => {
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new CommandError(`${JSON.stringify(dir)} is not a directory`);
    }
    const lines = storageTypeOf(dir) === "level" ? dumpLevel(await levelDatabase(dir)) : dumpWal(dir);
    for await (const line of lines) io.out(`${line}\n`);
    return ExitCode.ok;
  },
});
