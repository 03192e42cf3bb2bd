import { type ByteString, byteStringOf } from "./byte-string.ts";
import { type Value, valueOf } from "./value.ts";
import { LENGTH_DELIMITED, VARINT, WireReader, WireWriter } from "./wire.ts";
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
  const writer = new WireWriter();
  writer.byte(MARK);
  writer.byte(VERSION);
  for (const { write, serial } of writes) {
    const from = writer.open(1);
    for (const condition of write.conditions) writeCondition(writer, condition);
    for (const operation of write.operations) writeOperation(writer, operation);
    if (serial !== null) writeSerial(writer, serial);
    writer.close(from);
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
    return readCommand(new WireReader(bytes.subarray(2)));
  } catch {
    // They are in the log for good, and need an answer.
    return null;
  }
}

function writeCondition(writer: WireWriter, condition: Condition): void {
  const from = writer.open(1);
  writer.bytes(1, condition.key);
  switch (condition.type) {
    case "exists":
      writer.integer(2, condition.exists ? 1 : 0);
      break;
    case "value":
      writer.bytes(3, condition.value);
      break;
    case "modRevision":
      writer.integer(4, condition.modRevision);
      break;
    case "unknown":
      break;
  }
  writer.close(from);
}

const OPERATION_FIELDS = { get: 1, put: 2, delete: 3, append: 4 } as const;

function writeOperation(writer: WireWriter, operation: Operation): void {
  const from = writer.open(2);
  if (operation.type !== "unknown") {
    const inner = writer.open(OPERATION_FIELDS[operation.type]);
    writer.bytes(1, operation.key);
    if ("value" in operation) writer.bytes(2, operation.value);
    writer.close(inner);
  }
  writer.close(from);
}

function writeSerial(writer: WireWriter, serial: Serial): void {
  const from = writer.open(3);
  writer.integer(1, serial.sessionId);
  writer.integer(2, serial.sequence);
  writer.integer(3, serial.firstUnanswered);
  writer.close(from);
}

// Tags as they are read: the number of the field times eight, and its wire type.
const message = (field: number): number => (field << 3) | LENGTH_DELIMITED;
const number = (field: number): number => (field << 3) | VARINT;

const WRITE = message(1);
const OPENS_SESSION = number(2);

function readCommand(reader: WireReader): LoggedWrites {
  const writes: SerialWrite[] = [];
  let opensSession = false;
  while (reader.at < reader.length) {
    const tag = reader.tag();
    if (tag === WRITE) writes.push(readWrite(reader));
    else if (tag === OPENS_SESSION) opensSession = reader.unsigned() !== 0;
    else throw new Error("an unknown field");
  }
  if (opensSession === writes.length > 0) throw new Error("neither writes nor a session");
  return { writes, opensSession };
}

const CONDITION = message(1);
const OPERATION = message(2);
const SERIAL = message(3);

function readWrite(reader: WireReader): SerialWrite {
  const conditions: Condition[] = [];
  const operations: Operation[] = [];
  let serial: Serial | null = null;
  const end = reader.end();
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === CONDITION) conditions.push(readCondition(reader));
    else if (tag === OPERATION) operations.push(readOperation(reader));
    else if (tag === SERIAL) serial = readSerial(reader);
    else throw new Error("an unknown field");
  }
  checkEnd(reader, end);
  return { write: { conditions, operations }, serial };
}

type Expectation =
  | { readonly type: "exists"; readonly exists: boolean }
  | { readonly type: "value"; readonly value: Value }
  | { readonly type: "modRevision"; readonly modRevision: number }
  | { readonly type: "unknown" };

const KEY = message(1);
const EXISTS = number(2);
const EXPECTED_VALUE = message(3);
const MOD_REVISION = number(4);

function readCondition(reader: WireReader): Condition {
  let key: ByteString = "";
  let expected: Expectation = { type: "unknown" };
  const end = reader.end();
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === KEY) key = byteStringOf(reader.bytes());
    else if (tag === EXPECTED_VALUE) expected = { type: "value", value: valueOf(reader.bytes()) };
    else if (tag === EXISTS) expected = { type: "exists", exists: reader.unsigned() !== 0 };
    else if (tag === MOD_REVISION) expected = { type: "modRevision", modRevision: reader.integer() };
    else throw new Error("an unknown field");
  }
  checkEnd(reader, end);
  return { ...expected, key };
}

const OPERATION_TYPES = [undefined, "get", "put", "delete", "append"] as const;

function readOperation(reader: WireReader): Operation {
  let operation: Operation = { type: "unknown", key: "" };
  const end = reader.end();
  while (reader.at < end) {
    const tag = reader.tag();
    const kind = OPERATION_TYPES[tag >>> 3];
    if (kind === undefined || tag !== message(tag >>> 3)) throw new Error("an unknown field");
    operation = readKeyAndValue(kind, reader);
  }
  checkEnd(reader, end);
  return operation;
}

const VALUE = message(2);

function readKeyAndValue(kind: "get" | "put" | "delete" | "append", reader: WireReader): Operation {
  let key: ByteString = "";
  let value: Value = "";
  const end = reader.end();
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === KEY) key = byteStringOf(reader.bytes());
    else if (tag === VALUE) value = valueOf(reader.bytes());
    else throw new Error("an unknown field");
  }
  checkEnd(reader, end);
  return kind === "get" || kind === "delete" ? { type: kind, key } : { type: kind, key, value };
}

const SESSION_ID = number(1);
const SEQUENCE = number(2);
const FIRST_UNANSWERED = number(3);

function readSerial(reader: WireReader): Serial {
  let sessionId = 0;
  let sequence = 0;
  let firstUnanswered = 0;
  const end = reader.end();
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === SESSION_ID) sessionId = reader.integer();
    else if (tag === SEQUENCE) sequence = reader.integer();
    else if (tag === FIRST_UNANSWERED) firstUnanswered = reader.integer();
    else throw new Error("an unknown field");
  }
  checkEnd(reader, end);
  return { sessionId, sequence, firstUnanswered };
}

/** A field inside may have said that it is longer than the message. */
function checkEnd(reader: WireReader, end: number): void {
  if (reader.at !== end) throw new Error("it ends too early");
}
