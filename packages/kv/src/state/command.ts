import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type CommandRequest, CommandRequestSchema, Op } from "@eraft/proto/kvraftpb";
import type { RefusalReason } from "./result.ts";
import { exceedsUtf8 } from "../utf8.ts";

/**
 * A key is at most 4 KiB of UTF-8. Part of the definition of the replicated state, like {@link MAX_VALUE_BYTES}: servers with different
 * limits would answer the same command differently and drift apart.
 */
export const MAX_KEY_BYTES: number = 4096;

/** A value, written at once or grown by APPEND, is at most 1 MiB of UTF-8. It fits the 4 MiB that a Go client receives. */
export const MAX_VALUE_BYTES: number = 1_048_576;

/**
 * What the largest command takes in the log: key and value with 3 and 4 bytes of tag and length, `op`, and two ids of 11 bytes.
 * A node that is to take them all needs a `maxCommandBytes` of at least this.
 */
export const MAX_COMMAND_BYTES: number = 3 + MAX_KEY_BYTES + 4 + MAX_VALUE_BYTES + 2 + 2 * 11;

/** The fields of a `kvraftpb.CommandRequest`. `clientId` and `commandId` are int64; a `clientId` of 0 means no session. */
export interface KvCommand {
  readonly key: string;
  readonly value: string;
  readonly op: CommandRequest["op"];
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

/** Why `command` is refused whatever the state is, null if it is not. */
export function commandFault(command: KvCommand, limits: KvLimits = STATE_LIMITS): RefusalReason | null {
  // Compared as a whole number: the Go servers cut `op` to 8 bits, and take 256 for a PUT.
  if (command.op !== Op.PUT && command.op !== Op.APPEND && command.op !== Op.GET) return "unknownOp";
  if (command.key === "") return "emptyKey";
  if (exceedsUtf8(command.key, limits.maxKeyBytes)) return "keyTooLong";
  if (exceedsUtf8(command.value, limits.maxValueBytes)) return "valueTooLarge";
  return null;
}

/** A {@link commandFault} in words. */
export function faultMessage(fault: RefusalReason, limits: KvLimits = STATE_LIMITS): string {
  switch (fault) {
    case "malformed":
      return "the command is malformed";
    case "unknownOp":
      return "op is none of PUT, APPEND and GET";
    case "emptyKey":
      return "the key is empty";
    case "keyTooLong":
      return `the key is longer than ${limits.maxKeyBytes} bytes of UTF-8`;
    case "valueTooLarge":
      return `the value is, or would become, larger than ${limits.maxValueBytes} bytes of UTF-8`;
    case "storeFull":
      return "the store has as many keys as it can hold";
  }
}
