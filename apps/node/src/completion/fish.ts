import type { CompletedCommand, CompletionTable } from "./table.ts";

export function fishScript({ words, groups, commands }: CompletionTable): string {
  const firsts = words.map(({ text }) => text).join(" ");
  return [
    "# Completion of eraft in fish: eraft completion fish > ~/.config/fish/completions/eraft.fish",
    ...words.map(
      ({ text, help }) =>
        `complete -c eraft -f -n "not __fish_seen_subcommand_from ${firsts}" -a ${text} -d ${quote(help)}`,
    ),
    ...[...groups].flatMap(([group, words]) => {
      const seconds = words.map(({ text }) => text).join(" ");
      const when = `"__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${seconds}"`;
      return words.map(({ text, help }) => `complete -c eraft -f -n ${when} -a ${text} -d ${quote(help)}`);
    }),
    ...commands.flatMap(commandLines),
    "",
  ].join("\n");
}

function commandLines({ name, flags, operandWords }: CompletedCommand): readonly string[] {
  const when = `"${name
    .split(" ")
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join("; and ")}"`;
  return [
    ...operandWords.map((word) => `complete -c eraft -f -n ${when} -a ${word}`),
    ...flags.map(({ name, help, takesValue, words }) => {
      const value = words.length > 0 ? ` -x -a ${quote(words.join(" "))}` : takesValue ? " -r" : "";
      return `complete -c eraft -n ${when} -l ${name.slice(2)}${value} -d ${quote(help)}`;
    }),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
}
