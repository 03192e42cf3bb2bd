/**
 * Why a command changes nothing, on every server alike:
 *
 * - `malformed`: the bytes are not a `kvraftpb.CommandRequest`
 * - `unknownOp`: `op` is none of PUT, APPEND, GET
 * - `emptyKey`: proto3 cannot tell an empty key from a missing one, so it is taken for the mistake it mostly is
 * - `keyTooLong`, `valueTooLarge`: above the limits of command.ts; `valueTooLarge` also for the value an APPEND would make
 * - `storeFull`: the command would create one key too many
 */
export type RefusalReason =
  | "malformed"
  | "unknownOp"
  | "emptyKey"
  | "keyTooLong"
  | "valueTooLarge"
  | "storeFull";

/** What applying a command gives. `value` is the value read by GET, and empty for PUT and APPEND. */
export type KvResult =
  | { readonly status: "ok"; readonly value: string }
  | { readonly status: "noKey" }
  | { readonly status: "refused"; readonly reason: RefusalReason };

export const WRITTEN: KvResult = Object.freeze({ status: "ok", value: "" });
export const NO_KEY: KvResult = Object.freeze({ status: "noKey" });

/** The result of a command that is refused for `reason`. */
export function refused(reason: RefusalReason): KvResult {
  return { status: "refused", reason };
}

/** Whether something that came back from a node is the result of a {@link KvStateMachine}, and not of some other one. */
export function isKvResult(value: unknown): value is KvResult {
  if (typeof value !== "object" || value === null || !("status" in value)) return false;
  switch (value.status) {
    case "ok":
      return "value" in value && typeof value.value === "string";
    case "noKey":
      return true;
    case "refused":
      return "reason" in value && typeof value.reason === "string";
    default:
      return false;
  }
}
