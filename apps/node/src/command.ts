import { type Arguments, type Flags, parseArguments } from "./args.ts";
import type { ExitCode } from "./exit-code.ts";
import { onOff } from "./flags.ts";
import { commandHelp } from "./help.ts";
import type { Io } from "./io.ts";

/** What a command is made of. */
export interface CommandSpec<F extends Flags> {
  /** One or two words. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The names of its operands, in capitals; in brackets those that may be left out. */
  readonly operands: readonly string[];
  readonly flags: F;
  /** Command lines without `eraft`, each with what it does: who reads help copies examples. */
  readonly examples?: readonly (readonly [line: string, what: string])[];
  /** Paragraphs for its help. */
  readonly notes: readonly string[];
  /** Resolves with the exit code; rejects with what `explain` makes one line of. */
  readonly run: (args: Arguments<F>, io: Io) => Promise<ExitCode>;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What its command line is made of, `--help` included. For completion. */
  readonly flags: Flags;
  readonly operands: readonly string[];
  readonly run: (argv: readonly string[], io: Io) => Promise<ExitCode>;
}

const HELP = onOff("print this");

/** A command that checks its command line before it does anything, and answers `--help`. */
export function defineCommand<const F extends Flags>(spec: CommandSpec<F>): Command {
  const flags = { ...spec.flags, help: HELP };
  return {
    name: spec.name,
    summary: spec.summary,
    flags,
    operands: spec.operands,
    run: async (argv, io) => {
      if (asksForHelp(argv)) {
        io.out(commandHelp({ ...spec, flags }));
        return 0;
      }
      return spec.run(parseArguments(spec.name, { ...spec, flags }, argv) as Arguments<F>, io);
    },
  };
}

/** Wherever it stands, and whatever else is wrong: who asks for help should get it. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const before = end === -1 ? argv : argv.slice(0, end);
  return before.includes("--help") || before.includes("-h");
}
