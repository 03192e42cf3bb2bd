import { type Command, defineCommand } from "../command.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { type CompletionTable, tableOf } from "../completion/table.ts";
import { zshScript } from "../completion/zsh.ts";
import { UsageError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";

const SCRIPTS: Readonly<Record<string, (table: CompletionTable) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** @param commands all there are, this one included */
export function completionOf(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "completion",
    summary: "print a script that completes command lines",
    operands: [Object.keys(SCRIPTS).join("|")],
    flags: {},
    examples: [
      ["completion bash", "in ~/.bashrc: source <(eraft completion bash)"],
      ["completion zsh", "in ~/.zshrc, after compinit: source <(eraft completion zsh)"],
      ["completion fish", "into ~/.config/fish/completions/eraft.fish"],
    ],
    notes: ["Completes commands, flags, and the values of flags that have only a few."],
    run: async ({ operands: [shell = ""] }, io) => {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
      if (script === undefined) {
        const shells = Object.keys(SCRIPTS).join(", ");
        throw new UsageError(`${JSON.stringify(shell)} is not one of ${shells}`, "completion");
      }
      io.out(script(tableOf(commands())));
      return ExitCode.ok;
    },
  });
}
