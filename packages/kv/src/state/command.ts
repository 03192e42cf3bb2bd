import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type CommandRequest, CommandRequestSchema, Op } from "@eraft/proto/kvraftpb";
import { type ByteString, byteStringOf, utf8Of } from "./byte-string.ts";
import { locate } from "./command-bytes.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "./limits.ts";
import type { RefusalReason } from "./result.ts";
import { type Value, valueOf, valueOfString } from "./value.ts";
import { exceedsUtf8 } from "../utf8.ts";

/** The fields of a `kvraftpb.CommandRequest`. `clientId` and `commandId` are int64; a `clientId` of 0 means no session. */
export interface KvCommand {
  readonly key: string;
  readonly value: string;
  readonly op: CommandRequest["op"];
  readonly clientId: bigint;
  readonly commandId: bigint;
}

/** The same for a state that keeps bytes: key and value are their UTF-8. */
export interface LoggedCommand {
  readonly key: ByteString;
  readonly value: Value;
  readonly op: number;
  readonly clientId: bigint;
  readonly commandId: bigint;
}

/** Limits in bytes of UTF-8. */
export interface KvLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
}

/** The limits that hold on every server of every cluster. */
export const STATE_LIMITS: KvLimits = Object.freeze({
  maxKeyBytes: MAX_KEY_BYTES,
  maxValueBytes: MAX_VALUE_BYTES,
});

/**
 * The bytes of a command in the log: a `kvraftpb.CommandRequest` of exactly the five fields, whatever else came with the request.
 * Never empty for a command without a {@link commandFault}, as its key is not empty.
 */
export function encodeCommand(command: KvCommand): Uint8Array<ArrayBuffer> {
  const { key, value, op, clientId, commandId } = command;
  return toBinary(
    CommandRequestSchema,
    create(CommandRequestSchema, { key, value, op, clientId, commandId }),
  );
}

/** The command in `bytes`, null if there is none. Never throws. */
export function decodeCommand(bytes: Uint8Array): KvCommand | null {
  try {
    return fromBinary(CommandRequestSchema, bytes, { readUnknownFields: false });
  } catch {
    // The Go servers crash here, on every server and again after each restart. The bytes are in the log for good: they need an answer.
    return null;
  }
}

/** The command in `bytes` of the log, null if there is none. Never throws. Does not change `bytes`, and may keep them. */
export function readTextCommand(bytes: Uint8Array): LoggedCommand | null {
  const located = locate(bytes);
  if (located !== null) {
    const { op, clientId, commandId, keyFrom, keyTo, valueFrom, valueTo } = located;
    return {
      op,
      clientId,
      commandId,
      key: byteStringOf(bytes.subarray(keyFrom, keyTo)),
      value: valueOf(bytes.subarray(valueFrom, valueTo)),
    };
  }
  const command = decodeCommand(bytes);
  if (command === null) return null;
  const { op, clientId, commandId, key, value } = command;
  return { op, clientId, commandId, key: utf8Of(key), value: valueOfString(utf8Of(value)) };
}

/** {@link commandFault} of a command that is in the log. */
export function loggedFault({ op, key, value }: LoggedCommand): RefusalReason | null {
  return sizesFault(op, key.length, value.length, STATE_LIMITS);
}

/** {@link commandFault} where the bytes of key and value were counted. */
export function sizesFault(
  op: number,
  keyBytes: number,
  valueBytes: number,
  limits: KvLimits,
): RefusalReason | null {
  if (!isKnownOp(op)) return "unknownOp";
  if (keyBytes === 0) return "emptyKey";
  if (keyBytes > limits.maxKeyBytes) return "keyTooLong";
  return valueBytes > limits.maxValueBytes ? "valueTooLarge" : null;
}

/** Compared as a whole number: the Go servers cut `op` to 8 bits, and take 256 for a PUT. */
function isKnownOp(op: number): boolean {
  return op === Op.PUT || op === Op.APPEND || op === Op.GET;
}

/** Why `command` is refused whatever the state is, null if it is not. */
export function commandFault(command: KvCommand, limits: KvLimits = STATE_LIMITS): RefusalReason | null {
  if (!isKnownOp(command.op)) return "unknownOp";
  if (command.key === "") return "emptyKey";
  if (exceedsUtf8(command.key, limits.maxKeyBytes)) return "keyTooLong";
  if (exceedsUtf8(command.value, limits.maxValueBytes)) return "valueTooLarge";
  return null;
}
