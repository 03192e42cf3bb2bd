import type { Command } from "./command.ts";
import { append } from "./commands/kv/append.ts";
import { completionOf } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import { get } from "./commands/kv/get.ts";
import { batch } from "./commands/kv/batch.ts";
import { cas } from "./commands/kv/cas.ts";
import { remove } from "./commands/kv/delete.ts";
import { exportItems } from "./commands/kv/export.ts";
import { importItems } from "./commands/kv/import.ts";
import { scan } from "./commands/kv/scan.ts";
import { watch } from "./commands/kv/watch.ts";
import { memberAdd } from "./commands/members/add.ts";
import { memberDemote } from "./commands/members/demote.ts";
import { memberList } from "./commands/members/list.ts";
import { memberMove } from "./commands/members/move.ts";
import { memberPromote } from "./commands/members/promote.ts";
import { memberRemove } from "./commands/members/remove.ts";
import { memberReplace } from "./commands/members/replace.ts";
import { put } from "./commands/kv/put.ts";
import { recover } from "./commands/recover.ts";
import { serve } from "./commands/serve.ts";
import { status } from "./commands/status.ts";
import { transfer } from "./commands/transfer.ts";
import { walDump } from "./commands/wal-dump.ts";
import { UsageError, explain } from "./errors.ts";
import { ExitCode } from "./exit-code.ts";
import { overview } from "./help.ts";
import { type Io, ReaderGoneError, ignoreClosedStreams, processIo } from "./io.ts";
import { followLifeline } from "./lifeline.ts";
import { packageVersion } from "./version.ts";

const COMMANDS: readonly Command[] = [
  serve,
  demo,
  put,
  get,
  append,
  remove,
  cas,
  scan,
  watch,
  batch,
  exportItems,
  importItems,
  status,
  memberList,
  memberAdd,
  memberPromote,
  memberDemote,
  memberRemove,
  memberReplace,
  memberMove,
  transfer,
  recover,
  walDump,
  completionOf(() => COMMANDS),
];

const LINGER_MS = 1000;

/** What bin/eraft.js calls. */
export async function run(argv: readonly string[]): Promise<void> {
  followLifeline();
  ignoreClosedStreams();
  process.exitCode = await main(argv, processIo);
  // Whatever still holds the process, such as a system call on a disk that hangs, must not hold it for ever.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

/** Runs one command line and resolves with its exit code. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    // Who reads only the beginning, as in `eraft scan | head`, has all that was asked for.
    if (error instanceof ReaderGoneError) return ExitCode.ok;
    const { line, hints, exitCode } = explain(error);
    io.err(`eraft: ${line}\n`);
    for (const hint of hints) io.err(`  ${hint}\n`);
    return exitCode;
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [first, second] = argv;
  if (first === "--help" || first === "-h" || first === "help") {
    io.out(overview(COMMANDS));
    return ExitCode.ok;
  }
  if (first === "--version") {
    io.out(`${packageVersion()}\n`);
    return ExitCode.ok;
  }
  for (const command of COMMANDS) {
    const words = command.name.split(" ");
    if (words.every((word, i) => word === argv[i])) return command.run(argv.slice(words.length), io);
  }
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0 && (second === "--help" || second === "-h")) {
    io.out(overview(group));
    return ExitCode.ok;
  }
  if (first === undefined) throw new UsageError(`no command: ${known(COMMANDS)}`);
  if (group.length === 0)
    throw new UsageError(`unknown command ${JSON.stringify(first)}: ${known(COMMANDS)}`);
  throw new UsageError(
    `unknown command ${JSON.stringify(`${first} ${second ?? ""}`.trim())}: ${known(group)}`,
  );
}

function known(commands: readonly Command[]): string {
  return `the commands are ${commands.map(({ name }) => name).join(", ")}`;
}
