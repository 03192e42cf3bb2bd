import type { CompletedCommand, CompletionTable } from "./table.ts";

/** For bash 3.2 and later. */
export function bashScript({ words, groups, commands }: CompletionTable): string {
  const top = words.map(({ text }) => text).join(" ");
  return [
    "# Completion of eraft in bash. In ~/.bashrc: source <(eraft completion bash)",
    "_eraft() {",
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" words="" flags="" value=""`,
    `  local line="\${COMP_WORDS[*]:1:COMP_CWORD-1} "`,
    '  case "$line" in',
    `    " ") words="${top}" ;;`,
    ...[...groups].map(
      ([group, words]) => `    "${group} ") words="${words.map(({ text }) => text).join(" ")}" ;;`,
    ),
    ...commands.flatMap(commandCase),
    "  esac",
    '  if [ -n "$value" ]; then',
    '    [ "$value" = "?" ] || COMPREPLY=($(compgen -W "$value" -- "$cur"))',
    '  elif [[ "$cur" == -* ]]; then',
    '    COMPREPLY=($(compgen -W "$flags" -- "$cur"))',
    "  else",
    '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "  fi",
    "}",
    "# Where there is nothing to say, files are offered: operands may be some.",
    "complete -o default -F _eraft eraft",
    "",
  ].join("\n");
}

function commandCase({ name, flags, operandWords }: CompletedCommand): readonly string[] {
  const valued = flags.filter(({ takesValue }) => takesValue);
  return [
    `    "${name} "*)`,
    `      flags="${flags.map(({ name }) => name).join(" ")}"`,
    ...(operandWords.length === 0 ? [] : [`      words="${operandWords.join(" ")}"`]),
    ...(valued.length === 0 ? [] : ['      case "$prev" in']),
    ...valued.map(
      ({ name, words }) => `        ${name}) value="${words.length === 0 ? "?" : words.join(" ")}" ;;`,
    ),
    ...(valued.length === 0 ? [] : ["      esac"]),
    "      ;;",
  ];
}
