import type { Item } from "./items.ts";

/**
 * Why a command changes nothing, on every server alike. Whatever the state is:
 *
 * - `malformed`: the bytes are no command
 * - `unknownOp`, `noOperation`: it does not say what to do, or nothing that is known
 * - `emptyKey`: proto3 cannot tell an empty key from a missing one, so it is taken for the mistake it mostly is
 * - `keyTooLong`, `valueTooLarge`, `tooManyOperations`, `writeTooLarge`: above the limits of limits.ts
 * - `noExpectation`, `badRevision`: a condition does not say what it expects, or a revision that there cannot be
 * - `badSerial`: numbers that no session has
 *
 * In the state as it is:
 *
 * - `valueTooLarge` also for the value that an append would make
 * - `storeFull`: it would create one key too many
 * - `answerTooLarge`: the items that it reads are too large together
 * - `notText`: somebody who reads text asks for a value that is not UTF-8
 * - `sessionExpired`, `sequenceOutOfWindow`: nobody can tell whether this write was done before
 */
export type RefusalReason =
  | "malformed"
  | "unknownOp"
  | "noOperation"
  | "emptyKey"
  | "keyTooLong"
  | "valueTooLarge"
  | "tooManyOperations"
  | "writeTooLarge"
  | "noExpectation"
  | "badRevision"
  | "badSerial"
  | "storeFull"
  | "answerTooLarge"
  | "notText"
  | "sessionExpired"
  | "sequenceOutOfWindow";

/** What applying a `kvraftpb.CommandRequest` gives. `value` is the value read by GET, and empty for PUT and APPEND. */
export type KvTextResult =
  | { readonly status: "ok"; readonly value: string }
  | { readonly status: "noKey" }
  | { readonly status: "refused"; readonly reason: RefusalReason };

/** What one operation of a write gives: to a get the item, null if there is none; to a delete whether the key was there. */
export interface OperationResult {
  readonly item: Item | null;
  readonly deleted: boolean;
}

/** What a write gives. `revision` is that of the state after it. */
export type WriteResult =
  | {
      readonly status: "done";
      readonly revision: number;
      /** One for each operation, in order. */
      readonly results: readonly OperationResult[];
    }
  | {
      readonly status: "conditionFailed";
      readonly revision: number;
      /** The position of the first one that does not hold. */
      readonly condition: number;
      /** What is there instead. */
      readonly item: Item | null;
    }
  | { readonly status: "refused"; readonly reason: RefusalReason };

/** What applying a command gives. */
export type KvResult =
  | KvTextResult
  /** One for each write, in order. */
  | { readonly status: "written"; readonly results: readonly WriteResult[] }
  | { readonly status: "sessionOpened"; readonly sessionId: number };

export const WRITTEN: KvTextResult = Object.freeze({ status: "ok", value: "" });
export const NO_KEY: KvTextResult = Object.freeze({ status: "noKey" });

/** The result of a command that is refused for `reason`. */
export function refused(reason: RefusalReason): {
  readonly status: "refused";
  readonly reason: RefusalReason;
} {
  return { status: "refused", reason };
}

/** Whether something that came back from a node is what a {@link KvStateMachine} gives for a `kvraftpb.CommandRequest`. */
export function isTextResult(value: unknown): value is KvTextResult {
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

/** The same for writes of logged-writes.ts. */
export function isWritten(value: unknown): value is Extract<KvResult, { readonly status: "written" }> {
  return typeof value === "object" && value !== null && "results" in value && Array.isArray(value.results);
}
