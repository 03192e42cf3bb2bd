import { Code, ConnectError } from "@connectrpc/connect";
import {
  KvCallError,
  KvCompactedError,
  KvFutureRevisionError,
  KvInvalidArgumentError,
  KvRefusedError,
  KvSessionExpiredError,
  KvTimeoutError,
} from "@eraft/kv";
import { NodeFailedError } from "@eraft/runtime";
import { LevelDamageError, LevelError, LevelFormatError, LevelLockedError } from "@eraft/storage-level";
import {
  WalDamageError,
  WalError,
  WalFormatError,
  WalIdentityDamageError,
  WalLockedError,
} from "@eraft/storage-wal";
import { ListenError } from "@eraft/transport-connect/node";
import { ExitCode } from "./exit-code.ts";
import { JsonInputError } from "./format/json-fields.ts";

/** Ends a command with one line on stderr. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = ExitCode.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. `command` is whose help will help. */
export class UsageError extends CommandError {
  override readonly name = "UsageError";
  readonly command: string | null;

  constructor(message: string, command: string | null = null) {
    super(message, ExitCode.usage);
    this.command = command;
  }
}

export interface Explanation {
  readonly line: string;
  /** What to look at, a line each. */
  readonly hints: readonly string[];
  readonly exitCode: ExitCode;
}

/** Translates whatever a command failed with into what its user should know and do: one line, perhaps what to look at, and the exit code. */
export function explain(error: unknown): Explanation {
  const line = oneLine(messageFor(error));
  if (error instanceof UsageError) {
    const help = error.command === null ? "eraft --help" : `eraft ${error.command} --help`;
    return { line: `${line} (see ${help})`, hints: [], exitCode: error.exitCode };
  }
  return { line, hints: hintsFor(error), exitCode: exitCodeFor(error) };
}

function exitCodeFor(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof KvInvalidArgumentError || error instanceof JsonInputError) return ExitCode.usage;
  if (error instanceof KvCallError && error.outcome === "unknown") return ExitCode.outcomeUnknown;
  return ExitCode.failure;
}

/** Of a cluster that does not answer: what its user can check, after what was tried. */
function hintsFor(error: unknown): readonly string[] {
  if (error instanceof CommandError) return error.cause === undefined ? [] : hintsFor(error.cause);
  if (!(error instanceof KvTimeoutError) || error.lastErrors.size === 0) return [];
  const reasons = [...error.lastErrors.values()].map(reasonOf);
  const asked = [...error.lastErrors.keys()].join(",");
  if (reasons.every((reason) => reason === "connection refused")) {
    return [
      "check that the nodes run, and that --cluster says where: nobody listens there",
      "eraft demo starts a cluster on this machine, eraft serve --help says how to start a node",
    ];
  }
  if (reasons.every((reason) => reason === "unknown host")) {
    return ["check the names in --cluster: no such host is known here"];
  }
  if (reasons.every((reason) => reason === NOT_KNOWN)) {
    return [
      "these nodes know put, append, get and status, and no other command: they are Go nodes, or older ones",
    ];
  }
  return [
    "check that a majority of the voters is up: fewer cannot agree on anything",
    `eraft status --cluster ${asked} tells which nodes are up, and who leads`,
  ];
}

function messageFor(error: unknown): string {
  if (error instanceof KvCallError) return callMessage(error);
  if (error instanceof ListenError) return listenMessage(error);
  if (error instanceof NodeFailedError) {
    return storageMessage(error.cause) ?? error.message;
  }
  const message = storageMessage(error);
  if (message !== null) return message;
  if (error instanceof Error) return error.message;
  return String(error);
}

function callMessage(error: KvCallError): string {
  const outcome =
    error.outcome === "unknown" ? "the write may have been done all the same" : "nothing was done";
  if (error instanceof KvFutureRevisionError) {
    return `that revision has not happened yet: the store is at revision ${error.currentRevision}`;
  }
  if (error instanceof KvCompactedError) {
    return `the changes before revision ${error.firstRevision} are not kept any more: read what there is with eraft scan, then watch with --from ${error.firstRevision} or later`;
  }
  if (error instanceof KvSessionExpiredError) {
    return `the cluster does not remember this command any more, ${outcome}: look with eraft get before you repeat it`;
  }
  if (error instanceof KvRefusedError) return `the cluster refused: ${reasonOf(error.cause)}; ${outcome}`;
  const reasons = [...error.lastErrors].map(([address, reason]) => `${address}: ${reasonOf(reason)}`);
  const tried = reasons.length === 0 ? "no node could be asked" : reasons.join("; ");
  return `no answer from the cluster, ${outcome} (${tried})`;
}

const NOT_KNOWN = "it does not know this call";

/** Why a node did not answer, in a few words. */
export function reasonOf(error: unknown): string {
  const text =
    error instanceof ConnectError ? error.rawMessage : error instanceof Error ? error.message : String(error);
  if (error instanceof ConnectError && error.code === Code.Unimplemented) return NOT_KNOWN;
  if (text.includes("ECONNREFUSED")) return "connection refused";
  if (text.includes("ENOTFOUND") || text.includes("EAI_AGAIN")) return "unknown host";
  return oneLine(text);
}

function listenMessage(error: ListenError): string {
  switch (error.code) {
    case "addressInUse":
      return `${error.message}: is this node running already?`;
    case "badAddress":
      return `${error.message}: this node listens at --listen, or else at its address in --cluster or --peers`;
    case "permissionDenied":
    case "closed":
    case "other":
      return error.message;
  }
}

/** What an operator can do about a data directory; null where there is nothing better to say than the error does. */
function storageMessage(error: unknown): string | null {
  if (error instanceof WalError) return walMessage(error);
  return error instanceof LevelError ? levelMessage(error) : null;
}

function inUse(dir: string): string {
  return `the data directory ${dir} is in use by another process: is this node running already?`;
}

function levelMessage(error: LevelError): string | null {
  if (error instanceof LevelLockedError) return inUse(error.location);
  if (error instanceof LevelDamageError) {
    return `${error.message}; nothing was changed. What this node confirmed to others is lost, so do not repair it: give the node an empty directory, and the cluster takes it back as a learner first`;
  }
  return error instanceof LevelFormatError ? `${error.message}; nothing was changed` : null;
}

function walMessage(error: WalError): string | null {
  if (error instanceof WalLockedError) return inUse(error.dir);
  if (error instanceof WalDamageError) {
    return `${error.message}; nothing was changed. What this node confirmed to others is lost, so do not delete parts of it: "eraft wal dump" shows what is there`;
  }
  if (error instanceof WalIdentityDamageError) {
    return `${error.message}; nothing was changed, and the log is not concerned. While a majority of the voters is up without this node, delete that file: the node starts as another disk, and the cluster takes it back as a learner first. Otherwise eraft recover is the way`;
  }
  if (error instanceof WalFormatError) return `${error.message}; nothing was changed`;
  return null;
}

/** Newlines in a message, such as those of a foreign library, must not break "one line". */
function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();
}
