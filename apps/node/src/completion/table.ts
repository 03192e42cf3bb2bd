import type { Command } from "../command.ts";

/** What can be typed, as the scripts of all shells need it. */
export interface CompletionTable {
  /** First words, each with what it does. */
  readonly words: readonly Word[];
  /** Of first words that need a second one: those. */
  readonly groups: ReadonlyMap<string, readonly Word[]>;
  readonly commands: readonly CompletedCommand[];
}

export interface Word {
  readonly text: string;
  readonly help: string;
}

export interface CompletedCommand {
  readonly name: string;
  readonly flags: readonly CompletedFlag[];
  /** The values of its first operand, if there are only these. */
  readonly operandWords: readonly string[];
}

export interface CompletedFlag {
  readonly name: string;
  readonly help: string;
  readonly takesValue: boolean;
  /** All its values, if there are only these. */
  readonly words: readonly string[];
}

export function tableOf(commands: readonly Command[]): CompletionTable {
  const groups = new Map<string, Word[]>();
  const words: Word[] = [];
  for (const { name, summary } of commands) {
    const [first = "", second] = name.split(" ");
    if (second === undefined) {
      words.push({ text: first, help: summary });
      continue;
    }
    const group = groups.get(first) ?? [];
    if (group.length === 0) words.push({ text: first, help: `${first} ...` });
    groups.set(first, [...group, { text: second, help: summary }]);
  }
  return { words, groups, commands: commands.map(completed) };
}

function completed({ name, flags, operands: [operand = ""] }: Command): CompletedCommand {
  return {
    name,
    flags: Object.entries(flags).map(([name, { help, placeholder, words = [] }]) => ({
      name: `--${name}`,
      help,
      takesValue: placeholder !== null,
      words,
    })),
    operandWords: operand.includes("|") ? operand.split("|") : [],
  };
}
