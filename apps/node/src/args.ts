import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { type Flag, FlagValueError } from "./flags.ts";

/** The flags of a command by name, without the dashes. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

export interface Arguments<F extends Flags> {
  readonly flags: { readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never };
  /** As many as were asked for; fewer, if those at the end may be left out. */
  readonly operands: readonly string[];
}

/**
 * Reads a command line: every flag at most once, known, and with a value that it takes; exactly the operands that are named.
 * Throws a UsageError that names what was given and what is allowed.
 */
export function parseArguments<F extends Flags>(
  command: string,
  syntax: { readonly flags: F; readonly operands: readonly string[] },
  argv: readonly string[],
): Arguments<F> {
  try {
    const { given, operands } = readTokens(syntax.flags, argv);
    checkOperands(syntax.operands, operands);
    const flags = Object.entries(syntax.flags).map(([name, flag]) => [
      name,
      valueOf(name, flag, given.get(name)),
    ]);
    return { flags: Object.fromEntries(flags) as Arguments<F>["flags"], operands };
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.message, command);
    throw error;
  }
}

function readTokens(
  flags: Flags,
  argv: readonly string[],
): { readonly given: ReadonlyMap<string, string>; readonly operands: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { placeholder }]) => {
      return [name, { type: placeholder === null ? ("boolean" as const) : ("string" as const) }];
    }),
  );
  // Not strict: its tokens let us say in one line what strict parsing says in three.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (flag === undefined || !token.rawName.startsWith("--")) throw unknownFlag(token.rawName, flags);
    if (given.has(token.name)) throw new UsageError(`${token.rawName} is given twice`);
    given.set(token.name, textOf(flag, token));
  }
  return { given, operands };
}

function textOf(
  flag: Flag<unknown>,
  token: {
    readonly rawName: string;
    readonly value: string | undefined;
    readonly inlineValue: boolean | undefined;
  },
): string {
  const { rawName, value } = token;
  if (flag.placeholder === null) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value, but ${quote(value)} is given`);
    return "";
  }
  if (value === undefined) throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.placeholder}`);
  if (token.inlineValue !== true && value.startsWith("-")) {
    throw new UsageError(
      `${rawName} needs a value, but ${quote(value)} follows; if that is the value, write ${rawName}=${value}`,
    );
  }
  return value;
}

function valueOf(name: string, flag: Flag<unknown>, text: string | undefined): unknown {
  if (text === undefined) {
    if (flag.fallback === "required") throw new UsageError(`--${name} ${flag.placeholder} is missing`);
    return flag.fallback.value;
  }
  try {
    return flag.parse(text);
  } catch (error) {
    if (error instanceof FlagValueError) throw new UsageError(`--${name} ${quote(text)}: ${error.message}`);
    throw error;
  }
}

/** A name in brackets, such as `[FILE]`, is of one that may be left out. */
function checkOperands(names: readonly string[], operands: readonly string[]): void {
  const missing = names[operands.length];
  if (missing !== undefined && !missing.startsWith("[")) throw new UsageError(`${missing} is missing`);
  const extra = operands[names.length];
  if (extra !== undefined) {
    const wanted =
      names.length === 0 ? "no arguments are taken besides flags" : `only ${names.join(" ")} is taken`;
    throw new UsageError(`unexpected argument ${quote(extra)}: ${wanted}`);
  }
}

function unknownFlag(rawName: string, flags: Flags): UsageError {
  const known = Object.keys(flags).map((name) => `--${name}`);
  return new UsageError(
    `unknown flag ${rawName}: the flags are ${known.join(", ")}; write -- before a word that begins with a dash`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text);
}
