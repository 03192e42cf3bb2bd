import type { Logger } from "@eraft/runtime";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger of one JSON object a line: `time`, `level`, `node`, `msg`, then the details. */
export interface JsonLogger extends Logger {
  debug(message: string, details?: object): void;
}

/** `write` gets whole lines. Records below `level` are dropped. */
export function createLogger(options: {
  readonly node: number;
  readonly level: LogLevel;
  readonly write: (line: string) => void;
}): JsonLogger {
  const least = LOG_LEVELS.indexOf(options.level);
  const logAt =
    (level: LogLevel) =>
    (msg: string, details?: object): void => {
      if (LOG_LEVELS.indexOf(level) < least) return;
      const record = { time: new Date().toISOString(), level, node: options.node, msg };
      // A detail must not pass for one of the fields that every record has.
      options.write(`${JSON.stringify({ ...record, ...details, ...record }, plain)}\n`);
    };
  return { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}

/** Makes JSON of what JSON does not know. Errors lose their stack: a log is for operators, and where it is a bug the message says so. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (!(value instanceof Error)) return value;
  const code = "code" in value ? { code: value.code } : {};
  const cause = value.cause === undefined ? {} : { cause: value.cause };
  return { name: value.name, ...code, message: value.message, ...cause };
}
