import { type KvLimits, STATE_LIMITS } from "./command.ts";
import { MAX_WRITE_BYTES, MAX_WRITE_PARTS } from "./limits.ts";
import type { RefusalReason } from "./result.ts";

/** Why a command is refused, in words. */
export function faultMessage(fault: RefusalReason, limits: KvLimits = STATE_LIMITS): string {
  switch (fault) {
    case "malformed":
      return "the command is malformed";
    case "unknownOp":
      return "the operation is none that this server knows";
    case "noOperation":
      return "there is nothing to do: give at least one operation";
    case "emptyKey":
      return "the key is empty";
    case "keyTooLong":
      return `the key is longer than ${limits.maxKeyBytes} bytes`;
    case "valueTooLarge":
      return `the value is, or would become, larger than ${limits.maxValueBytes} bytes`;
    case "tooManyOperations":
      return `there are more than ${MAX_WRITE_PARTS} operations and conditions: split the batch`;
    case "writeTooLarge":
      return `keys and values have together more than ${MAX_WRITE_BYTES} bytes: split the batch`;
    case "noExpectation":
      return "a condition does not say what it expects: exists, value or mod_revision";
    case "badRevision":
      return "mod_revision is not from 1 to 2^53 - 1: for a key that must not be there, use exists = false";
    case "badSerial":
      return "the serial is none: session_id and sequence are from 1 to 2^53 - 1, and first_unanswered is from 1 to sequence";
    case "storeFull":
      return "the store has as many keys as it can hold";
    case "answerTooLarge":
      return `the items that the batch reads have together more than ${MAX_WRITE_BYTES} bytes: read fewer at a time`;
    case "notText":
      return "the value is not UTF-8, and a string cannot hold it: read it with eraft.kv.v1.KvService";
    case "sessionExpired":
      return "the session is not known any more: whether this write was done before, nobody can tell";
    case "sequenceOutOfWindow":
      return "the answer to this write is not kept: a later write said that it was answered, or too many wait for theirs";
  }
}
