import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { KeptItem, KeptOperationResult, KeptResult } from "./kept-result.ts";
import { type RefusalReason, refused } from "./result.ts";
import { valueBytes, valueOf } from "./value.ts";

/** The position of a reason is its code. Only ever add at the end. */
const REASONS: readonly RefusalReason[] = [
  "malformed",
  "unknownOp",
  "emptyKey",
  "keyTooLong",
  "valueTooLarge",
  "storeFull",
  "noOperation",
  "tooManyOperations",
  "writeTooLarge",
  "noExpectation",
  "badRevision",
  "badSerial",
  "answerTooLarge",
  "notText",
  "sessionExpired",
  "sequenceOutOfWindow",
];

export function encodeReason(reason: RefusalReason): number {
  return REASONS.indexOf(reason);
}

/** Undefined for a code that means nothing. */
export function decodeReason(code: number): RefusalReason | undefined {
  return REASONS[code];
}

const NOTHING = 0;
const DELETED = 1;
const ITEM = 2;
const ITEM_WITHOUT_VALUE = 3;

/**
 * A result that a session keeps, in snapshots. Numbers are varints.
 *
 *     0, revision, how many operations, and for each of them an answer
 *     1, revision, condition, answer: the item that was there instead
 *     2, reason
 *
 *     answer   0 nothing | 1 deleted | 2 an item: createRevision, modRevision, length, value | 3 an item without its value: createRevision, modRevision
 */
export const keptResultCodec = {
  encode(result: KeptResult): Uint8Array {
    const writer = new BinaryWriter();
    switch (result.status) {
      case "done":
        writer.uint32(0).uint64(result.revision).uint32(result.results.length);
        for (const one of result.results) writeAnswer(writer, one);
        break;
      case "conditionFailed":
        writer.uint32(1).uint64(result.revision).uint32(result.condition);
        writeAnswer(writer, { item: result.item, deleted: false });
        break;
      case "refused":
        writer.uint32(2).uint32(encodeReason(result.reason));
        break;
    }
    return writer.finish();
  },

  decode(bytes: Uint8Array): KeptResult {
    const reader = new BinaryReader(bytes);
    const result = readResult(reader);
    if (reader.pos < reader.len) throw new Error("a result goes on after its end");
    return result;
  },
};

function writeAnswer(writer: BinaryWriter, { item, deleted }: KeptOperationResult): void {
  if (item === null) {
    writer.uint32(deleted ? DELETED : NOTHING);
    return;
  }
  writer.uint32(item.value === null ? ITEM_WITHOUT_VALUE : ITEM);
  writer.uint64(item.createRevision).uint64(item.modRevision);
  if (item.value !== null) writer.bytes(valueBytes(item.value));
}

function readResult(reader: BinaryReader): KeptResult {
  switch (reader.uint32()) {
    case 0: {
      const revision = readNumber(reader);
      const results: KeptOperationResult[] = [];
      for (let left = reader.uint32(); left > 0; left--) results.push(readAnswer(reader));
      return { status: "done", revision, results };
    }
    case 1: {
      const revision = readNumber(reader);
      const condition = reader.uint32();
      return { status: "conditionFailed", revision, condition, item: readAnswer(reader).item };
    }
    case 2: {
      const reason = decodeReason(reader.uint32());
      if (reason !== undefined) return refused(reason);
    }
  }
  throw new Error("a result that cannot be one");
}

function readAnswer(reader: BinaryReader): KeptOperationResult {
  const kind = reader.uint32();
  switch (kind) {
    case NOTHING:
    case DELETED:
      return { item: null, deleted: kind === DELETED };
    case ITEM:
    case ITEM_WITHOUT_VALUE: {
      const createRevision = readNumber(reader);
      const modRevision = readNumber(reader);
      const value = kind === ITEM ? valueOf(new Uint8Array(reader.bytes())) : null;
      const item: KeptItem = { value, createRevision, modRevision };
      return { item, deleted: false };
    }
    default:
      throw new Error("an answer that cannot be one");
  }
}

function readNumber(reader: BinaryReader): number {
  const value = Number(reader.uint64());
  if (Number.isSafeInteger(value)) return value;
  throw new Error("a number that cannot be one");
}
