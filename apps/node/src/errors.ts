import { ConnectError } from "@connectrpc/connect";
import { KvCallError, KvInvalidArgumentError, KvRefusedError } from "@eraft/kv";
import { NodeFailedError } from "@eraft/runtime";
import {
  WalDamageError,
  WalError,
  WalFormatError,
  WalIdentityDamageError,
  WalLockedError,
} from "@eraft/storage-wal";
import { ListenError } from "@eraft/transport-connect/node";
import { ExitCode } from "./exit-code.ts";

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

/** Translates whatever a command failed with into what its user should know and do: one line, and the exit code. */
export function explain(error: unknown): { readonly line: string; readonly exitCode: ExitCode } {
  const line = oneLine(messageFor(error));
  if (error instanceof UsageError) {
    const help = error.command === null ? "eraft --help" : `eraft ${error.command} --help`;
    return { line: `${line} (see ${help})`, exitCode: error.exitCode };
  }
  if (error instanceof CommandError) return { line, exitCode: error.exitCode };
  if (error instanceof KvInvalidArgumentError) return { line, exitCode: ExitCode.usage };
  if (error instanceof KvCallError && error.outcome === "unknown") {
    return { line, exitCode: ExitCode.outcomeUnknown };
  }
  return { line, exitCode: ExitCode.failure };
}

function messageFor(error: unknown): string {
  if (error instanceof KvCallError) return callMessage(error);
  if (error instanceof ListenError) return listenMessage(error);
  if (error instanceof NodeFailedError) {
    return error.cause instanceof WalError ? walMessage(error.cause, error.message) : error.message;
  }
  if (error instanceof WalError) return walMessage(error, error.message);
  if (error instanceof Error) return error.message;
  return String(error);
}

function callMessage(error: KvCallError): string {
  const outcome =
    error.outcome === "unknown" ? "the write may have been done all the same" : "nothing was done";
  if (error instanceof KvRefusedError) return `the cluster refused: ${reasonOf(error.cause)}; ${outcome}`;
  const reasons = [...error.lastErrors].map(([address, reason]) => `${address}: ${reasonOf(reason)}`);
  const tried = reasons.length === 0 ? "no node could be asked" : reasons.join("; ");
  return `no answer from the cluster, ${outcome} (${tried})`;
}

/** Why a node did not answer, in a few words. */
export function reasonOf(error: unknown): string {
  const text =
    error instanceof ConnectError ? error.rawMessage : error instanceof Error ? error.message : String(error);
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

/** What an operator can do about a data directory; `otherwise` where there is nothing better to say. */
function walMessage(error: WalError, otherwise: string): string {
  if (error instanceof WalLockedError) {
    return `the data directory ${error.dir} is in use by another process: is this node running already?`;
  }
  if (error instanceof WalDamageError) {
    return `${error.message}; nothing was changed. What this node confirmed to others is lost, so do not delete parts of it: "eraft wal dump" shows what is there`;
  }
  if (error instanceof WalIdentityDamageError) {
    return `${error.message}; nothing was changed. Delete that file to start as another disk: the cluster then takes this node back as a learner first`;
  }
  if (error instanceof WalFormatError) return `${error.message}; nothing was changed`;
  return otherwise;
}

/** Newlines in a message, such as those of a foreign library, must not break "one line". */
function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();
}
