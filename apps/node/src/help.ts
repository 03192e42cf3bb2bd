import type { Flags } from "./args.ts";
import type { Command } from "./command.ts";
import { wrap } from "./format/wrap.ts";
import { packageVersion } from "./version.ts";

const WIDTH = 100;

/** `eraft --help`. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return [
    `eraft ${packageVersion()}: a replicated key-value store`,
    "",
    "Usage: eraft COMMAND [FLAGS]",
    "",
    ...twoColumns(rows),
    "",
    "eraft COMMAND --help tells more; eraft --version prints the version.",
    "",
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no such key (get, delete),",
    "4 no answer to a change, which may have been done, 5 the condition did not hold (cas, batch).",
    "",
  ].join("\n");
}

/** `eraft COMMAND --help`. */
export function commandHelp(command: {
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly string[];
  readonly flags: Flags;
  readonly examples?: readonly (readonly [line: string, what: string])[];
  readonly notes: readonly string[];
}): string {
  const { name, summary, operands, flags, examples = [], notes } = command;
  const usage = ["eraft", name, "[FLAGS]", ...operands].join(" ");
  const rows = Object.entries(flags).map(([name, { placeholder, help, fallback }]) => {
    const flag = placeholder === null ? `--${name}` : `--${name} ${placeholder}`;
    return [flag, fallback === "required" ? `${help} (required)` : help] as const;
  });
  const paragraphs = notes.flatMap((note) => ["", ...wrap(note, WIDTH)]);
  return [
    `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`,
    "",
    `Usage: ${usage}`,
    "",
    ...(examples.length === 0 ? [] : ["Examples:", ...exampleLines(examples), ""]),
    "Flags:",
    ...twoColumns(rows),
    ...paragraphs,
    "",
  ].join("\n");
}

/** Beside each other where there is room, otherwise below each other. */
function exampleLines(examples: readonly (readonly [line: string, what: string])[]): readonly string[] {
  const rows = examples.map(([line, what]) => [`eraft ${line}`, `# ${what}`] as const);
  const left = Math.max(...rows.map(([line]) => line.length)) + 4;
  if (rows.every(([, what]) => left + what.length <= WIDTH)) return twoColumns(rows);
  return rows.flatMap(([line, what]) => [`  ${what}`, `  ${line}`]);
}

function twoColumns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, WIDTH - left);
    return [`  ${name}`.padEnd(left) + first, ...rest.map((line) => " ".repeat(left) + line)];
  });
}
