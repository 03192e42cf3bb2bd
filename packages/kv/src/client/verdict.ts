import { Code, type ConnectError } from "@connectrpc/connect";
import type { KvRefusalReason } from "../errors.ts";

/** What one request to one server came to. */
export type Verdict<T> =
  | { readonly type: "answer"; readonly value: T }
  /** The server says that trying again is of no use. `final`: that holds for every attempt of this request, the earlier ones too. */
  | {
      readonly type: "refused";
      readonly reason: KvRefusalReason | "sessionExpired";
      readonly final: boolean;
      readonly error: Error;
    }
  | Failed;

/** No answer. */
export interface Failed {
  readonly type: "failed";
  /** Whether the request may have been done, or may still be. */
  readonly effect: "none" | "possible";
  /** The same server wants a pause. */
  readonly busy: boolean;
  /** Where the leader is, as this server knows it. */
  readonly hint: string | null;
  readonly error: Error;
}

export function failed(
  error: Error,
  effect: Failed["effect"],
  { hint = null, busy = false }: { readonly hint?: string | null; readonly busy?: boolean } = {},
): Failed {
  return { type: "failed", effect, busy, hint, error };
}

const NOT_A_KV_SERVER: ReadonlySet<Code> = new Set([
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
]);

/** What the system says when there is no connection: then nothing was sent. */
const NEVER_CONNECTED: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/**
 * Judges an error by its status alone. Only what certainly comes before a command is proposed counts as without effect. A connection that breaks or a
 * server that stops gives UNAVAILABLE, CANCELED, ABORTED or INTERNAL, with the command lost, in the log, or on its way.
 */
export function judgeStatus(error: ConnectError): Verdict<never> {
  const { code } = error;
  if (code === Code.InvalidArgument) return { type: "refused", reason: "invalid", final: false, error };
  if (code === Code.FailedPrecondition) return { type: "refused", reason: "other", final: true, error };
  if (code === Code.ResourceExhausted) return failed(error, "none", { busy: true });
  const isCertain = NOT_A_KV_SERVER.has(code) || wasNeverConnected(error);
  return failed(error, isCertain ? "none" : "possible");
}

function wasNeverConnected(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && NEVER_CONNECTED.has(cause.code)) return true;
  }
  return false;
}
