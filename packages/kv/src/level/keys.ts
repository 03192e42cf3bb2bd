import { type ByteString, writeByteString } from "../state/byte-string.ts";
import type { LevelRange } from "./level-database.ts";

// FORMAT.md draws the keys. Numbers in them are big-endian, so that keys are in the order of their numbers.

const STATE = 1;
const BATCH = 2;
const END = 3;

const ITEMS = 1;
const HISTORY = 2;
const SESSIONS = 3;
const CLIENTS = 4;

/** The kind of a record, and the generation of the state that it belongs to. */
const STATE_KEY_BYTES = 6;

/** The record that says which of all the others count. */
export const HEAD_KEY: Uint8Array = Uint8Array.of(0);

/** Everything that can be in the database. */
export const ALL: LevelRange = { gte: new Uint8Array(), lt: Uint8Array.of(0xff) };

/** All records of all states. */
export const STATES: LevelRange = { gte: Uint8Array.of(STATE), lt: Uint8Array.of(BATCH) };

export function itemKey(generation: number, key: ByteString): Uint8Array {
  const bytes = stateKey(generation, ITEMS, key.length);
  writeByteString(key, bytes, STATE_KEY_BYTES);
  return bytes;
}

/** Which state a record belongs to. */
export function generationIn(key: Uint8Array): number {
  return viewOf(key).getUint32(1);
}

/** The key in what {@link itemKey} made. */
export function keyIn(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(STATE_KEY_BYTES);
}

/** Items from `start` up to, but without, `end`; null for the end of all. */
export function itemRange(generation: number, start: ByteString, end: ByteString | null): LevelRange {
  const lt = end === null ? stateKey(generation, ITEMS + 1) : itemKey(generation, end);
  return { gte: itemKey(generation, start), lt };
}

export function revisionKey(generation: number, revision: number): Uint8Array {
  return numberKey(generation, HISTORY, BigInt(revision));
}

export function sessionKey(generation: number, id: number): Uint8Array {
  return numberKey(generation, SESSIONS, BigInt(id));
}

export function clientKey(generation: number, clientId: bigint): Uint8Array {
  return numberKey(generation, CLIENTS, clientId);
}

/** The number in one of these. */
export function numberIn(key: Uint8Array): number {
  return Number(viewOf(key).getBigUint64(STATE_KEY_BYTES));
}

export function clientIdIn(key: Uint8Array): bigint {
  return viewOf(key).getBigInt64(STATE_KEY_BYTES);
}

export function historyRange(generation: number): LevelRange {
  return kindRange(generation, HISTORY);
}

export function sessionRange(generation: number): LevelRange {
  return kindRange(generation, SESSIONS);
}

export function clientRange(generation: number): LevelRange {
  return kindRange(generation, CLIENTS);
}

/** All records of one state. */
export function generationRange(generation: number): LevelRange {
  return { gte: stateKey(generation, 0), lt: stateKey(generation + 1, 0) };
}

/** All records of states but that one. */
export function otherGenerations(generation: number): readonly LevelRange[] {
  const { gte, lt } = generationRange(generation);
  return [
    { gte: Uint8Array.of(STATE), lt: gte },
    { gte: lt, lt: Uint8Array.of(BATCH) },
  ];
}

/** What a batch leaves behind, so that one that got lost is missed. */
export function batchKey(sequence: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = BATCH;
  viewOf(key).setBigUint64(1, BigInt(sequence));
  return key;
}

/** Those from one to another, both included. */
export function batchRange(first: number, last: number): LevelRange {
  return { gte: batchKey(first), lt: batchKey(last + 1) };
}

/** Those outside of that. */
export function otherBatches(first: number, last: number): readonly LevelRange[] {
  const { gte, lt } = batchRange(first, last);
  return [
    { gte: Uint8Array.of(BATCH), lt: gte },
    { gte: lt, lt: Uint8Array.of(END) },
  ];
}

function kindRange(generation: number, kind: number): LevelRange {
  return { gte: stateKey(generation, kind), lt: stateKey(generation, kind + 1) };
}

function numberKey(generation: number, kind: number, number: bigint): Uint8Array {
  const key = stateKey(generation, kind, 8);
  viewOf(key).setBigUint64(STATE_KEY_BYTES, BigInt.asUintN(64, number));
  return key;
}

function stateKey(generation: number, kind: number, moreBytes = 0): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(STATE_KEY_BYTES + moreBytes);
  key[0] = STATE;
  viewOf(key).setUint32(1, generation);
  key[5] = kind;
  return key;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
