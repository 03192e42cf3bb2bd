import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type ByteString, byteStringOf } from "./byte-string.ts";
import { type Value, valueBytes, valueOf } from "./value.ts";
import type { Condition, Operation, Write } from "./write.ts";

/** The first byte of these commands. Tag 0 does not exist in protobuf, so no `kvraftpb.CommandRequest` begins with it. */
const MARK = 0;

/** Of what follows. Whoever adds something that servers of this version do not know gives it the next one. */
const VERSION = 1;

/** A write with what makes it happen once, as numbers that may be anything. */
export interface SerialWrite {
  readonly write: Write;
  readonly serial: Serial | null;
}

export interface Serial {
  readonly sessionId: number;
  readonly sequence: number;
  readonly firstUnanswered: number;
}

/** An `eraft.kv.v1.Command`. */
export interface LoggedWrites {
  readonly writes: readonly SerialWrite[];
  readonly opensSession: boolean;
}

/** Whether `command` is one of these, by its first byte. */
export function isLoggedWrites(command: Uint8Array): boolean {
  return command[0] === MARK;
}

/**
 * The bytes of a command in the log: the mark, the version and an `eraft.kv.v1.Command` (command.proto). Written and read here field by field and not through
 * messages: every server does so for every write, and it is most of what a small write costs.
 */
export function encodeWrites(writes: readonly SerialWrite[]): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter().raw(Uint8Array.of(MARK, VERSION));
  for (const { write, serial } of writes) {
    writer.tag(1, WireType.LengthDelimited).fork();
    for (const condition of write.conditions) writeCondition(writer, condition);
    for (const operation of write.operations) writeOperation(writer, operation);
    if (serial !== null) writeSerial(writer, serial);
    writer.join();
  }
  return writer.finish();
}

export function encodeOpenSession(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(MARK, VERSION, 0x10, 1);
}

/** The command in `bytes`, which begin with the mark; null if there is none. Never throws. */
export function decodeWrites(bytes: Uint8Array): LoggedWrites | null {
  if (bytes[1] !== VERSION) return null;
  try {
    return readCommand(new BinaryReader(bytes.subarray(2)));
  } catch {
    // They are in the log for good, and need an answer.
    return null;
  }
}

function writeCondition(writer: BinaryWriter, condition: Condition): void {
  writer.tag(1, WireType.LengthDelimited).fork();
  writeBytes(writer, 1, condition.key);
  switch (condition.type) {
    case "exists":
      writer.tag(2, WireType.Varint).bool(condition.exists);
      break;
    case "value":
      writeBytes(writer, 3, condition.value);
      break;
    case "modRevision":
      writer.tag(4, WireType.Varint).int64(condition.modRevision);
      break;
    case "unknown":
      break;
  }
  writer.join();
}

const OPERATION_FIELDS = { get: 1, put: 2, delete: 3, append: 4 } as const;

function writeOperation(writer: BinaryWriter, operation: Operation): void {
  writer.tag(2, WireType.LengthDelimited).fork();
  if (operation.type !== "unknown") {
    writer.tag(OPERATION_FIELDS[operation.type], WireType.LengthDelimited).fork();
    writeBytes(writer, 1, operation.key);
    if ("value" in operation) writeBytes(writer, 2, operation.value);
    writer.join();
  }
  writer.join();
}

function writeSerial(writer: BinaryWriter, serial: Serial): void {
  writer.tag(3, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int64(serial.sessionId);
  writer.tag(2, WireType.Varint).int64(serial.sequence);
  writer.tag(3, WireType.Varint).int64(serial.firstUnanswered);
  writer.join();
}

function writeBytes(writer: BinaryWriter, field: number, value: Value): void {
  writer.tag(field, WireType.LengthDelimited).bytes(valueBytes(value));
}

function readCommand(reader: BinaryReader): LoggedWrites {
  const writes: SerialWrite[] = [];
  let opensSession = false;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) writes.push(readWrite(reader, type));
    else if (field === 2 && type === WireType.Varint) opensSession = reader.bool();
    else throw new Error("an unknown field");
  }
  if (opensSession === writes.length > 0) throw new Error("neither writes nor a session");
  return { writes, opensSession };
}

function readWrite(reader: BinaryReader, type: WireType): SerialWrite {
  const conditions: Condition[] = [];
  const operations: Operation[] = [];
  let serial: Serial | null = null;
  readMessage(reader, type, (field, type) => {
    if (field === 1) conditions.push(readCondition(reader, type));
    else if (field === 2) operations.push(readOperation(reader, type));
    else if (field === 3) serial = readSerial(reader, type);
    else throw new Error("an unknown field");
  });
  return { write: { conditions, operations }, serial };
}

type Expectation =
  | { readonly type: "exists"; readonly exists: boolean }
  | { readonly type: "value"; readonly value: Value }
  | { readonly type: "modRevision"; readonly modRevision: number }
  | { readonly type: "unknown" };

function readCondition(reader: BinaryReader, type: WireType): Condition {
  let key: ByteString = "";
  let expected: Expectation = { type: "unknown" };
  readMessage(reader, type, (field, type) => {
    if (field === 1) key = byteStringOf(readBytes(reader, type));
    else if (field === 3) expected = { type: "value", value: valueOf(readBytes(reader, type)) };
    else if (type !== WireType.Varint) throw new Error("no number");
    else if (field === 2) expected = { type: "exists", exists: reader.bool() };
    else if (field === 4) expected = { type: "modRevision", modRevision: Number(reader.int64()) };
    else throw new Error("an unknown field");
  });
  return { ...expected, key };
}

const OPERATION_TYPES = [undefined, "get", "put", "delete", "append"] as const;

function readOperation(reader: BinaryReader, type: WireType): Operation {
  let operation: Operation = { type: "unknown", key: "" };
  readMessage(reader, type, (field, type) => {
    const kind = OPERATION_TYPES[field];
    if (kind === undefined) throw new Error("an unknown field");
    operation = readKeyAndValue(kind, reader, type);
  });
  return operation;
}

function readKeyAndValue(
  kind: "get" | "put" | "delete" | "append",
  reader: BinaryReader,
  type: WireType,
): Operation {
  let key: ByteString = "";
  let value: Value = "";
  readMessage(reader, type, (field, type) => {
    if (field === 1) key = byteStringOf(readBytes(reader, type));
    else if (field === 2) value = valueOf(readBytes(reader, type));
    else throw new Error("an unknown field");
  });
  return kind === "get" || kind === "delete" ? { type: kind, key } : { type: kind, key, value };
}

function readSerial(reader: BinaryReader, type: WireType): Serial {
  const numbers = [0, 0, 0];
  readMessage(reader, type, (field, type) => {
    if (type !== WireType.Varint || field < 1 || field > 3) throw new Error("an unknown field");
    numbers[field - 1] = Number(reader.int64());
  });
  const [sessionId = 0, sequence = 0, firstUnanswered = 0] = numbers;
  return { sessionId, sequence, firstUnanswered };
}

function readBytes(reader: BinaryReader, type: WireType): Uint8Array {
  if (type !== WireType.LengthDelimited) throw new Error("no bytes");
  return reader.bytes();
}

function readMessage(
  reader: BinaryReader,
  type: WireType,
  readField: (field: number, type: WireType) => void,
): void {
  if (type !== WireType.LengthDelimited) throw new Error("no message");
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new Error("it ends too early");
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    readField(field, type);
  }
  if (reader.pos !== end) throw new Error("it ends too early");
}
