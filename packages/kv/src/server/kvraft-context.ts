import { Code, ConnectError } from "@connectrpc/connect";
import { CONSISTENCIES, CONSISTENCY_HEADER, type KvConsistency } from "../protocol.ts";
import type { CallSignal } from "./time-limits.ts";

/** What a call needs to know of its caller; Connect's `HandlerContext` has it. */
export interface KvCallContext {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: CallSignal;
  /** Milliseconds until the caller's deadline; undefined without one. */
  timeoutMs(): number | undefined;
  readonly responseHeader: Headers;
  readonly requestHeader?: Headers;
  /** One of these, without making all of them; undefined if it is not there. */
  requestHeaderValue?(name: string): string | undefined;
}

/** Of a word that it does not know, a server must not guess which promise it was to keep. */
export function consistencyOf(context: KvCallContext): KvConsistency {
  const given =
    (context.requestHeaderValue === undefined
      ? context.requestHeader?.get(CONSISTENCY_HEADER)
      : context.requestHeaderValue(CONSISTENCY_HEADER)) ?? "linearizable";
  const known = CONSISTENCIES.find((consistency) => consistency === given);
  if (known !== undefined) return known;
  const text = `${CONSISTENCY_HEADER} is ${JSON.stringify(given)}, not one of ${CONSISTENCIES.join(", ")}`;
  throw new ConnectError(text, Code.InvalidArgument);
}
