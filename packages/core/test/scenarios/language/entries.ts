import type { Entry, LogIndex, Term } from "@eraft/core";
import { entriesOf } from "../../harness/messages.ts";
import { bytesOf, textOf } from "../../harness/text.ts";
import { toCount } from "./words.ts";

const NOOP = "noop";

/** `term:command`, or only the term, as in the dissertation's figures, where the command does not matter. */
export function printEntry(entry: Entry): string {
  const command = textOf(entry.command);
  if (command === "") return `${entry.term}:${NOOP}`;
  return isNameless(command) ? String(entry.term) : `${entry.term}:${command}`;
}

/** Entries from index `after + 1` on, each written as `printEntry` does. */
export function parseEntries(words: readonly string[], after: LogIndex = 0): Entry[] {
  return words.map((word, at) => parseEntry(word, after + at + 1));
}

/** Names of the commands that a state machine has been given; those without a name are only counted elsewhere. */
export function named(commands: readonly string[]): string[] {
  return commands.filter((command) => command !== "" && !isNameless(command));
}

function parseEntry(word: string, index: LogIndex): Entry {
  const [first = "", ...name] = word.split(":");
  const term: Term = toCount(first, "an entry (`term` or `term:command`)");
  const [nameless] = entriesOf([term], index - 1);
  if (nameless !== undefined && name.length === 0) return nameless;
  const command = name.join(":");
  return { index, term, command: bytesOf(command === NOOP ? "" : command) };
}

/** What `entriesOf` and the snapshots of the harness make up. */
function isNameless(command: string): boolean {
  return /^command \d+( of term \d+)?$/.test(command);
}
