/** One command of a script and the line it stands on, counted from 1. */
export interface Command {
  readonly line: number;
  readonly text: string;
}

/** Commands, and what was seen while they ran. */
export interface Block {
  /** Commands, comments and blank lines as they were written. */
  readonly source: readonly string[];
  readonly commands: readonly Command[];
}

/** A mistake in a script, or something that went wrong in it. The message begins with the file and the line. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";

  constructor(file: string, { line, text }: Command, cause: Error) {
    super(`${file}:${line}: ${text}\n${cause.message}`, { cause });
  }
}

const DIVIDER = "----";

/** Cuts a script into its blocks: commands up to a divider; the expectations, which end at the first blank line, are left out. */
export function parseScript(script: string): Block[] {
  const blocks: Block[] = [];
  let source: string[] = [];
  let commands: Command[] = [];
  let isExpectation = false;
  for (const [at, text] of script.trimEnd().split("\n").entries()) {
    if (text === DIVIDER && !isExpectation) {
      blocks.push({ source, commands });
      [source, commands, isExpectation] = [[], [], true];
    } else if (isExpectation) {
      isExpectation = text.trim() !== "";
    } else {
      source.push(text);
      const command = text.trim();
      if (command !== "" && !command.startsWith("#")) commands.push({ line: at + 1, text: command });
    }
  }
  if (source.length > 0) blocks.push({ source, commands });
  return blocks;
}

/** The text of a block with what was seen in it. Comments after the last command get no divider. */
export function printBlock({ source, commands }: Block, seen: readonly string[]): string {
  const lines = commands.length === 0 ? source : [...source, DIVIDER, ...seen];
  return `${lines.join("\n")}\n`;
}
