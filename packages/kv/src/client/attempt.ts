import { Code, ConnectError, type Client } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";
import { type CommandResponse, type KVService, Op } from "@eraft/proto/kvraftpb";
import type { KvCommand } from "../state/command.ts";
import { CONSISTENCY_HEADER, type KvConsistency, LEADER_HEADER } from "../protocol.ts";

/** What one request to one server came to. */
export type Verdict =
  /** The store's answer; null for a key that is not there. */
  | { readonly type: "answer"; readonly value: string | null }
  /** Not the leader; nothing was done. `hint` is the leader's address as this server knows it. */
  | { readonly type: "wrongLeader"; readonly hint: string | null; readonly error: Error }
  /** Nothing was done, and trying again anywhere gives the same. */
  | { readonly type: "refused"; readonly final: boolean; readonly error: Error }
  /** No answer. `effect` tells whether the command may have been done; `busy` that the same server wants a pause. */
  | {
      readonly type: "failed";
      readonly effect: "none" | "possible";
      readonly busy: boolean;
      readonly error: Error;
    };

const NOT_A_KV_SERVER: ReadonlySet<Code> = new Set([
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
]);

/** What the system says when there is no connection: then nothing was sent. */
const NEVER_CONNECTED: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** Limits of one attempt. */
export interface AttemptLimits {
  readonly timeoutMs: number;
  /** Ends the attempt early. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What is sent. */
export interface KvCall {
  readonly command: KvCommand;
  /** For a GET. */
  readonly consistency: KvConsistency;
}

/** Sends a command once. Never rejects, and takes no longer than it may even if the transport ignores its signal. */
export async function attempt(
  client: Client<typeof KVService>,
  { command, consistency }: KvCall,
  limits: AttemptLimits,
): Promise<Verdict> {
  let hint: string | null = null;
  try {
    const response = await withinLimits(limits, (signal) =>
      client.command(command, {
        signal,
        timeoutMs: limits.timeoutMs,
        // Without it, the message is one that the Go nodes have always got.
        ...(consistency === "linearizable" ? {} : { headers: { [CONSISTENCY_HEADER]: consistency } }),
        onHeader: (headers) => (hint = headers.get(LEADER_HEADER)),
      }),
    );
    return judgeResponse(command, response, hint);
  } catch (error) {
    return judgeError(error);
  }
}

/** Runs `call` until it settles, the time is up or the signal aborts, whatever is first; aborts it in the latter two cases. */
export async function withinLimits<T>(
  { timeoutMs, signal, clock }: AttemptLimits,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (error: Error): void => {
    reject(error);
    controller.abort(error);
  };
  const onAbort = (): void => stop(new ConnectError("the call was given up", Code.Canceled));
  const cancelTimer = clock.after(timeoutMs, () =>
    stop(new ConnectError(`no answer within ${Math.round(timeoutMs)} ms`, Code.DeadlineExceeded)),
  );
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([stopped, call(controller.signal)]);
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", onAbort);
  }
}

function judgeResponse(command: KvCommand, response: CommandResponse, hint: string | null): Verdict {
  const isGet = command.op === Op.GET;
  switch (response.err) {
    case "OK":
      return { type: "answer", value: isGet ? response.value : "" };
    case "ErrNoKey":
      if (isGet) return { type: "answer", value: null };
      break;
    case "ErrWrongLeader":
      return { type: "wrongLeader", hint, error: new Error("it is not the leader") };
    case "ErrTimeout":
      return failed(new Error("it could not finish in time"), "possible");
    default:
      break;
  }
  // The Go clients take any other string for success, and so lose writes.
  return failed(new Error(`it answered ${JSON.stringify(response.err)}, which means nothing`), "possible");
}

/**
 * Only what certainly comes before a command is proposed counts as without effect. A connection that breaks or a server that
 * stops gives UNAVAILABLE, CANCELED, ABORTED or INTERNAL, with the command lost, in the log, or on its way.
 */
function judgeError(error: unknown): Verdict {
  const connectError = ConnectError.from(error);
  const { code } = connectError;
  if (code === Code.InvalidArgument) return { type: "refused", final: false, error: connectError };
  if (code === Code.FailedPrecondition) return { type: "refused", final: true, error: connectError };
  if (code === Code.ResourceExhausted) {
    return { type: "failed", effect: "none", busy: true, error: connectError };
  }
  const isCertain = NOT_A_KV_SERVER.has(code) || wasNeverConnected(connectError);
  return failed(connectError, isCertain ? "none" : "possible");
}

function wasNeverConnected(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && NEVER_CONNECTED.has(cause.code)) return true;
  }
  return false;
}

function failed(error: Error, effect: "none" | "possible"): Verdict {
  return { type: "failed", effect, busy: false, error };
}
