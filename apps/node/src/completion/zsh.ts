import type { CompletedCommand, CompletionTable, Word } from "./table.ts";

export function zshScript({ words, groups, commands }: CompletionTable): string {
  return [
    "#compdef eraft",
    "# Completion of eraft in zsh. In ~/.zshrc, after compinit: source <(eraft completion zsh)",
    "_eraft() {",
    "  local -a described",
    `  local line="\${(j: :)words[2,CURRENT-1]} " prev="\${words[CURRENT-1]}"`,
    '  case "$line" in',
    `    " ") described=(${described(words)}); _describe command described ;;`,
    ...[...groups].map(
      ([group, words]) => `    "${group} ") described=(${described(words)}); _describe command described ;;`,
    ),
    ...commands.flatMap(commandCase),
    "  esac",
    "}",
    "compdef _eraft eraft",
    "",
  ].join("\n");
}

function commandCase({ name, flags, operandWords }: CompletedCommand): readonly string[] {
  const valued = flags.filter(({ takesValue }) => takesValue);
  const words = flags.map(({ name, help }) => ({ text: name, help }));
  return [
    `    "${name} "*)`,
    '      case "$prev" in',
    ...valued.map(({ name, words }) =>
      words.length === 0 ? `        ${name}) _files ;;` : `        ${name}) compadd -- ${words.join(" ")} ;;`,
    ),
    "        *)",
    '          if [[ "$PREFIX" == -* ]]; then',
    `            described=(${described(words)}); _describe flag described`,
    "          else",
    operandWords.length === 0 ? "            _files" : `            compadd -- ${operandWords.join(" ")}`,
    "          fi ;;",
    "      esac ;;",
  ];
}

function described(words: readonly Word[]): string {
  return words.map(({ text, help }) => quote(`${text}:${help}`)).join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
