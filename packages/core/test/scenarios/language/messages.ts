import type { Configuration, Entry, Message, Response } from "@eraft/core";
import type { Filter } from "../../harness/network.ts";
import { parseEntries, parseMembers, printEntry, printMembers } from "./entries.ts";
import { type Words, toCount } from "./words.ts";

type Field = "number" | "boolean" | "flag" | "entries" | "members" | "text";

/** What each message says, under the names of the dissertation's Figures 3.1 and 5.3, in the order of its line. */
const FIELDS: Readonly<Record<Message["type"], Readonly<Record<string, Field>>>> = {
  requestVote: { lastLogIndex: "number", lastLogTerm: "number", leadershipTransfer: "flag" },
  requestVoteResponse: { voteGranted: "boolean" },
  preVote: { lastLogIndex: "number", lastLogTerm: "number" },
  preVoteResponse: { voteGranted: "boolean" },
  timeoutNow: {},
  readIndex: {},
  readIndexResponse: { readIndex: "number" },
  appendEntries: {
    prevLogIndex: "number",
    prevLogTerm: "number",
    entries: "entries",
    leaderCommit: "number",
  },
  appendEntriesResponse: {
    success: "boolean",
    matchIndex: "number",
    conflictIndex: "number",
    conflictTerm: "number",
  },
  installSnapshot: { lastIncludedIndex: "number", lastIncludedTerm: "number", configuration: "members" },
  installSnapshotResponse: {},
  refusal: { reason: "text" },
};

/** What is meant where nothing is said; flags and members are then not there at all. */
const EMPTY: Readonly<Partial<Record<Field, unknown>>> = { number: 0, boolean: false, entries: [], text: "" };

/** A message in one line: `0->1 requestVote term=2 lastLogIndex=1 lastLogTerm=1`. Fields of answers that mean nothing are left out. */
export function printMessage(message: Message): string {
  const values = Object.entries(message);
  const words = [`${message.from}->${message.to}`, message.type, `term=${message.term}`];
  for (const name of Object.keys(FIELDS[message.type])) {
    if (isMeaningless(message, name)) continue;
    const value: unknown = values.find(([key]) => key === name)?.[1];
    if (value !== undefined) words.push(`${name}=${printField(value)}`);
  }
  return words.join(" ");
}

/** Reads what `printMessage` writes. Fields that are left out are 0, false or empty; `sequence` may be given, too. */
export function parseMessage(words: Words, sequence: (message: Message) => number): Message {
  const [from, to] = words.word("`from->to`").split("->");
  const type = words.word("the type of a message");
  if (!isType(type)) throw new Error(`there is no message "${type}"; there are ${types().join(", ")}`);
  const fields: Record<string, Field> = { ...FIELDS[type], term: "number", sequence: "number" };
  const message: Record<string, unknown> = {
    type,
    from: toCount(from ?? "", "a sender"),
    to: toCount(to ?? "", "a receiver"),
  };
  for (const [name, field] of Object.entries(fields)) {
    if (EMPTY[field] !== undefined) message[name] = EMPTY[field];
  }
  for (const word of words.rest()) {
    const [name = "", value = ""] = word.split("=");
    const field = fields[name];
    if (field === undefined)
      throw new Error(`${type} has no "${name}"; it has ${Object.keys(fields).join(", ")}`);
    message[name] = parseField(field, value, message["prevLogIndex"]);
  }
  const parsed = message as unknown as Message;
  return parsed.sequence > 0 ? parsed : { ...parsed, sequence: sequence(parsed) };
}

/** Matches the messages in whose line each of `words` occurs; `*` in a word stands for anything. */
export function filterOf(words: readonly string[]): Filter {
  const patterns = words.map(patternOf);
  return (message) => {
    const line = printMessage(message).split(" ");
    return patterns.every((pattern) => line.some((word) => pattern.test(word)));
  };
}

export function isResponse(message: Message): message is Response {
  return message.type.endsWith("Response") || message.type === "refusal";
}

function printField(value: unknown): string {
  if (Array.isArray(value)) return `[${(value as readonly Entry[]).map(printEntry).join(",")}]`;
  if (typeof value === "object") return printMembers(value as Configuration);
  return `${value as string | number | boolean}`;
}

function isMeaningless(message: Message, field: string): boolean {
  if (message.type !== "appendEntriesResponse") return false;
  return message.success ? field.startsWith("conflict") : field === "matchIndex";
}

function parseField(field: Field, value: string, prevLogIndex: unknown): unknown {
  switch (field) {
    case "number":
      // A conflictTerm of -1 is the only negative number there is.
      return value === "-1" ? -1 : toCount(value, "a number");
    case "boolean":
    case "flag":
      if (value !== "true" && value !== "false") throw new Error(`true or false is expected, not "${value}"`);
      return value === "true";
    case "entries": {
      const [, inner] = /^\[(.*)\]$/.exec(value) ?? [];
      if (inner === undefined) throw new Error(`entries look like [1:noop,1:a], not like ${value}`);
      return parseEntries(
        inner.split(",").filter((word) => word !== ""),
        Number(prevLogIndex),
      );
    }
    case "members":
      return parseMembers(value);
    case "text":
      return value;
  }
}

function isType(word: string): word is Message["type"] {
  return Object.hasOwn(FIELDS, word);
}

function types(): string[] {
  return Object.keys(FIELDS);
}

function patternOf(word: string): RegExp {
  const literals = word.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`));
  return new RegExp(`^${literals.join(".*")}$`);
}
