import { type KvConsistency, type KvRange, MAX_KEY_BYTES, MAX_VALUE_BYTES } from "@eraft/kv";
import { CommandError, UsageError } from "../../errors.ts";
import { type Flag, FlagValueError, choice, onOff, text } from "../../flags.ts";
import { escaped, textOrNull, unescaped } from "../../format/text.ts";

/** `--escaped`. */
export const escapedFlag: Flag<boolean> = onOff(
  String.raw`keys and values on the command line are written with escapes, as they are printed: \n, \t, \\, \xff`,
);

/** `--json` of commands that print one thing. */
export const jsonFlag: Flag<boolean> = onOff("print JSON; bytes that are no UTF-8 as base64");

/** `--json` of commands that print many. */
export const jsonLinesFlag: Flag<boolean> = onOff(
  "print a line of JSON for each; bytes that are no UTF-8 as base64",
);

/** `--json` of writes. */
export const jsonRevisionFlag: Flag<boolean> = onOff("print the revision that did it, as JSON");

/** `--start` and `--end`, beside an operand `[PREFIX]`. */
export const rangeFlags: { readonly start: Flag<string | null>; readonly end: Flag<string | null> } = {
  start: text("KEY", "the first key"),
  end: text("KEY", "the key after the last one"),
};

/** `--consistency`. */
export const consistencyFlag: Flag<KvConsistency> = choice({
  help: "linearizable: as new as everything done before; lease: the same as far as clocks are good; stale: whatever the node that is asked has (default linearizable)",
  values: ["linearizable", "lease", "stale"],
  fallback: "linearizable",
});

/** A key from the command line. @throws {UsageError} */
export function keyOf(command: string, key: string, isEscaped: boolean, name = "KEY"): Uint8Array {
  const bytes = bytesOf(command, name, key, isEscaped);
  return limited(command, name, bytes, 1, MAX_KEY_BYTES);
}

/** A value from the command line. @throws {UsageError} */
export function valueOf(command: string, value: string, isEscaped: boolean, name = "VALUE"): Uint8Array {
  return limited(command, name, bytesOf(command, name, value, isEscaped), 0, MAX_VALUE_BYTES);
}

/** @throws {UsageError} */
export function rangeOf(
  command: string,
  prefix: string | undefined,
  flags: { readonly start: string | null; readonly end: string | null; readonly escaped: boolean },
): KvRange {
  const { start, end, escaped } = flags;
  if (prefix !== undefined && (start !== null || end !== null)) {
    throw new UsageError("PREFIX and --start or --end exclude each other", command);
  }
  if (prefix !== undefined) return prefix === "" ? {} : { prefix: keyOf(command, prefix, escaped, "PREFIX") };
  return {
    ...(start === null ? {} : { start: keyOf(command, start, escaped, "--start") }),
    ...(end === null ? {} : { end: keyOf(command, end, escaped, "--end") }),
  };
}

/** A key or value for nodes that know text only: the Go nodes. @throws {CommandError} */
export function textFor(name: string, bytes: Uint8Array): string {
  const text = textOrNull(bytes);
  if (text !== null) return text;
  throw new CommandError(
    `${name} ${escaped(bytes)} is no UTF-8, and these nodes know only that: they are Go nodes, or older ones`,
  );
}

function bytesOf(command: string, name: string, text: string, isEscaped: boolean): Uint8Array {
  // What an operating system hands over that is no text arrives as U+FFFD: --escaped says what is meant.
  try {
    return isEscaped ? unescaped(text) : new TextEncoder().encode(text);
  } catch (error) {
    if (!(error instanceof FlagValueError)) throw error;
    throw new UsageError(`${name} ${JSON.stringify(text)}: ${error.message}`, command);
  }
}

function limited(command: string, name: string, bytes: Uint8Array, min: number, max: number): Uint8Array {
  if (bytes.length < min) throw new UsageError(`${name} is empty`, command);
  if (bytes.length > max)
    throw new UsageError(`${name} has ${bytes.length} bytes, more than ${max}`, command);
  return bytes;
}
