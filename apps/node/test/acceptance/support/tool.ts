import { type Arguments, type Flags, parseArguments } from "../../../src/args.ts";
import { explain } from "../../../src/errors.ts";
import { onOff } from "../../../src/flags.ts";
import { formatTable } from "../../../src/format/table.ts";
import { endOrSay } from "../../chaos/still-alive.ts";

/** A measurement that people start by `pnpm NAME`. */
export interface Tool<F extends Flags> {
  readonly name: string;
  /** What it does and what it prints, a paragraph an element. */
  readonly about: readonly string[];
  readonly flags: F;
  /** Minutes after which something hangs. */
  readonly limitMinutes: (flags: Arguments<F>["flags"]) => number;
  /** Prints progress by `say`, and resolves with the report. */
  readonly run: (flags: Arguments<F>["flags"], say: (line: string) => void) => Promise<Outcome>;
}

export interface Outcome {
  /** Lines for people. */
  readonly report: readonly string[];
  /** What must not be. Nothing, if all is well. */
  readonly problems: readonly string[];
  /** What should have been faster or smaller than it was. On a busy machine that says little. */
  readonly missed: readonly string[];
}

const EXIT = { ok: 0, problem: 1, usage: 2, missed: 4, hangs: 5 } as const;
const MAX_SHOWN = 20;
const HELP = onOff("print this");

/** Runs a tool with the command line of this process, prints its report, and sets the exit code. */
export async function runTool<const F extends Flags>(tool: Tool<F>): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpOf(tool));
    return;
  }
  const syntax = { flags: { ...tool.flags, help: HELP }, operands: [] };
  try {
    const { flags } = parseArguments(tool.name, syntax, argv) as Arguments<F>;
    process.exitCode = await measure(tool, flags);
  } catch (error) {
    const { line, exitCode } = explain(error);
    // A wrong command line needs one line; of anything else one wants to know where it comes from.
    const isUsage = exitCode === EXIT.usage;
    process.stderr.write(isUsage ? `${line.replaceAll("eraft ", "pnpm ")}\n` : `${stackOf(error)}\n`);
    process.exitCode = exitCode;
  }
  endOrSay(10_000);
}

async function measure<F extends Flags>(tool: Tool<F>, flags: Arguments<F>["flags"]): Promise<number> {
  const minutes = tool.limitMinutes(flags);
  const limit = setTimeout(() => {
    // The nodes end with this process.
    process.stderr.write(`FAILED: not done after ${minutes} minutes: something hangs\n`);
    process.exit(EXIT.hangs);
  }, minutes * 60_000);
  try {
    const began = performance.now();
    const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
    const { report, problems, missed } = await tool.run(flags, (line) =>
      console.log(`${elapsed()}  ${line}`),
    );
    console.log(["", ...report].join("\n"));
    for (const problem of problems.slice(0, MAX_SHOWN)) console.log(`FAILED: ${problem}`);
    if (problems.length > MAX_SHOWN) console.log(`FAILED: ${problems.length - MAX_SHOWN} more`);
    for (const goal of missed) console.log(`MISSED: ${goal}`);
    if (problems.length > 0) return EXIT.problem;
    return missed.length > 0 ? EXIT.missed : EXIT.ok;
  } finally {
    clearTimeout(limit);
  }
}

function helpOf<F extends Flags>({ name, about, flags }: Tool<F>): string {
  const rows = Object.entries({ ...flags, help: HELP }).map(([flag, { placeholder, help }]) => [
    `  --${flag}${placeholder === null ? "" : ` ${placeholder}`}`,
    help,
  ]);
  const table = formatTable(
    [
      { title: `Usage: pnpm ${name} [FLAGS]`, align: "left" },
      { title: "", align: "left" },
    ],
    rows,
  );
  return [
    ...about.flatMap((paragraph) => [paragraph, ""]),
    table,
    "Exit codes: 0 all is well, 1 something is wrong, 2 wrong command line, 4 all is well but a goal is missed,",
    "3 or 5 something hangs.",
    "",
  ].join("\n");
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
