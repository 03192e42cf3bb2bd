import type { Configuration, Entry, LogIndex, Term } from "@eraft/core";
import { configurationOf, textOfMembers } from "../../harness/members.ts";
import { configurationEntry, entriesOf } from "../../harness/messages.ts";
import { bytesOf, textOf } from "../../harness/text.ts";
import { toCount } from "./words.ts";

const NOOP = "noop";
const MEMBERS = /^\{(.+)\}$/;

/** `term:command`, or only the term, as in the dissertation's figures, where the command does not matter. A configuration is `term:{0|1|2:learner}`. */
export function printEntry(entry: Entry): string {
  if (entry.configuration !== undefined) return `${entry.term}:${printMembers(entry.configuration)}`;
  const command = textOf(entry.command);
  if (command === "") return `${entry.term}:${NOOP}`;
  return isNameless(command) ? String(entry.term) : `${entry.term}:${command}`;
}

/** `{0|1|2:learner}`: voters, but for what is said behind an id. */
export function printMembers(configuration: Configuration): string {
  return `{${textOfMembers(configuration).replaceAll(" ", "|")}}`;
}

export function parseMembers(text: string): Configuration {
  const [, members] = MEMBERS.exec(text) ?? [];
  if (members === undefined) throw new Error(`members look like {0|1|2:learner}, not like ${text}`);
  return configurationOf(members.replaceAll("|", " "));
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
  if (MEMBERS.test(command)) return configurationEntry([index, term], textOfMembers(parseMembers(command)));
  return { index, term, command: bytesOf(command === NOOP ? "" : command) };
}

/** What `entriesOf` and the snapshots of the harness make up. */
function isNameless(command: string): boolean {
  return /^command \d+( of term \d+)?$/.test(command);
}
