import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Measurement, Scale } from "./measurement.ts";
import { FULL, NORMAL, SMOKE } from "./scales.ts";

export interface Arguments {
  readonly measurements: readonly Measurement[];
  readonly scale: Scale;
  readonly withEtcd: boolean;
  readonly workDir: string;
  /** A file for the numbers. */
  readonly json: string | null;
  /** A directory for table, numbers and plots; what is there from earlier runs is kept. */
  readonly out: string | null;
  readonly help: boolean;
}

/** What was typed cannot be done; the message says what can. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  rounds: { type: "string" },
  full: { type: "boolean", default: false },
  smoke: { type: "boolean", default: false },
  "without-etcd": { type: "boolean", default: false },
  dir: { type: "string" },
  json: { type: "string" },
  out: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @throws UsageError */
export function parseArguments(args: readonly string[], all: readonly Measurement[]): Arguments {
  const { values, positionals } = parse(args);
  const { rounds, full, smoke, dir, json, out } = values;
  if (full && smoke) throw new UsageError("--full and --smoke exclude each other");
  const scale = full ? FULL : smoke ? SMOKE : NORMAL;
  const names = all.map(({ name }) => name);
  for (const name of positionals) {
    if (!names.includes(name))
      throw new UsageError(`${name}: no such measurement; there are ${names.join(", ")}`);
  }
  return {
    measurements: positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name)),
    scale: rounds === undefined ? scale : { ...scale, rounds: parseRounds(rounds) },
    withEtcd: !values["without-etcd"],
    workDir: resolve(dir ?? join(tmpdir(), `eraft-bench-${process.pid}`)),
    json: json === undefined ? null : resolve(json),
    out: out === undefined ? null : resolve(out),
    help: values.help,
  };
}

export function helpText(all: readonly Measurement[]): string {
  const width = Math.max(...all.map(({ name }) => name.length));
  return `Usage: pnpm bench [NAME ...] [options]

Measures eraft, and etcd beside it where it is installed, on this machine. Without names, everything:

${all.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

Options:
  --rounds N      how often each system is measured, in turn (default ${NORMAL.rounds})
  --full          longer loads, larger states, ten million log entries: hours
  --smoke         seconds in all; the numbers mean nothing, but wrong answers are found
  --without-etcd  eraft alone
  --dir DIR       where the servers keep their data, on the disk to be measured (default: a new one in the
                  system's directory for temporary files)
  --json FILE     write the numbers there
  --out DIR       write table, numbers and plots there; measurements that were not run now stay as they are
`;
}

function parse(args: readonly string[]): ReturnType<typeof parseThese> {
  try {
    return parseThese(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function parseThese(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new UsageError(`--rounds ${text}: must be a whole number from 1 to 100`);
  }
  return rounds;
}
