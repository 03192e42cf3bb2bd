import type { Lane } from "@eraft/proto/eraft/peer/v1";
import type { AppendEntries, Entry, ExchangeRequest, Request } from "@eraft/proto/eraft/peer/v1";
import { SHARED_BYTES, SMALL_BYTES } from "../own-bytes.ts";
import {
  APPEND_ENTRIES,
  COMMAND,
  ENTRIES,
  ENTRY_TERM,
  LANE,
  LEADER_COMMIT,
  PREV_LOG_INDEX,
  PREV_LOG_TERM,
  REQUESTS,
  SEQUENCE,
  TERM,
} from "./exchange-tags.ts";

/**
 * The frame that protobuf-es reads from `bytes`, if it has AppendEntries and nothing else; null for all others, and for what is no frame at all. protobuf-es finds each
 * field of each entry by reflection: for a follower, that was a seventh of all it did.
 *
 * Small commands do not keep `bytes` alive, which may be megabytes: stretches of it, commands and what stands between them, are copied at once.
 */
export function decodeExchange(bytes: Uint8Array): ExchangeRequest | null {
  const reader = new Reader(bytes);
  const requests: Request[] = [];
  let lane = 0;
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag === REQUESTS) {
      const request = readRequest(reader, reader.end());
      if (request === null) return null;
      requests.push(request);
    } else if (tag === LANE) lane = reader.varint();
    else return null;
  }
  if (reader.at !== bytes.length || lane > MAX_LANE) return null;
  return { $typeName: "eraft.peer.v1.ExchangeRequest", lane: lane as Lane, requests };
}

/** What an int32 holds; others are cut by protobuf-es. */
const MAX_LANE = 2 ** 31 - 1;

function readRequest(reader: Reader, end: number): Request | null {
  let [sequence, term] = [0, 0];
  let append: AppendEntries | null = null;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === SEQUENCE) sequence = reader.varint();
    else if (tag === TERM) term = reader.varint();
    // Of a second one protobuf-es would join the two.
    else if (tag === APPEND_ENTRIES && append === null) {
      append = readAppend(reader, reader.end());
      if (append === null) return null;
    } else return null;
  }
  if (reader.at !== end || append === null) return null;
  return {
    $typeName: "eraft.peer.v1.Request",
    sequence: BigInt(sequence),
    term: BigInt(term),
    body: { case: "appendEntries", value: append },
  };
}

function readAppend(reader: Reader, end: number): AppendEntries | null {
  let [prevLogIndex, prevLogTerm, leaderCommit] = [0, 0, 0];
  const entries: Entry[] = [];
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === ENTRIES) {
      const entry = readEntry(reader, reader.end(), end);
      if (entry === null) return null;
      entries.push(entry);
    } else if (tag === PREV_LOG_INDEX) prevLogIndex = reader.varint();
    else if (tag === PREV_LOG_TERM) prevLogTerm = reader.varint();
    else if (tag === LEADER_COMMIT) leaderCommit = reader.varint();
    else return null;
  }
  if (reader.at !== end) return null;
  return {
    $typeName: "eraft.peer.v1.AppendEntries",
    prevLogIndex: BigInt(prevLogIndex),
    prevLogTerm: BigInt(prevLogTerm),
    leaderCommit: BigInt(leaderCommit),
    entries,
  };
}

function readEntry(reader: Reader, end: number, endOfEntries: number): Entry | null {
  let term = 0;
  let command: Uint8Array = NOTHING;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === COMMAND) command = reader.bytes(reader.end(), endOfEntries);
    else if (tag === ENTRY_TERM) term = reader.varint();
    else return null;
  }
  if (reader.at !== end) return null;
  return { $typeName: "eraft.peer.v1.Entry", term: term === 0 ? 0n : BigInt(term), command };
}

const NOTHING = new Uint8Array(0);

/** After anything that cannot be read, `at` is beyond every end for good. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  /** A copy of some of the bytes, from `#roomFrom` on; all of them where they are few. */
  #room: Uint8Array = NOTHING;
  #roomFrom = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (bytes.buffer.byteLength <= SHARED_BYTES) this.#room = bytes;
  }

  /** A number up to 2^53 - 1. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= MAX_FACTOR; factor *= 0x80) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#fail();
    }
    return this.#fail();
  }

  /** Reads a length: where what follows ends. */
  end(): number {
    const length = this.varint();
    return this.at + length;
  }

  /** The bytes up to `end`. After them, up to `endOfAll`, there may be more to be had in the same way. */
  bytes(end: number, endOfAll: number): Uint8Array {
    const from = this.at;
    if (!(end <= this.#bytes.length)) {
      this.#fail();
      return NOTHING;
    }
    this.at = end;
    if (end - from > SMALL_BYTES) return this.#bytes.subarray(from, end);
    if (from < this.#roomFrom || end > this.#roomFrom + this.#room.length) {
      this.#roomFrom = from;
      // Not `slice`, which for a Node.js `Buffer` is a view of the same memory.
      this.#room = new Uint8Array(this.#bytes.subarray(from, Math.min(endOfAll, from + SHARED_BYTES)));
    }
    return this.#room.subarray(from - this.#roomFrom, end - this.#roomFrom);
  }

  #fail(): number {
    this.at = Number.POSITIVE_INFINITY;
    return 0;
  }
}

/** Of the eighth byte of a number: what nine hold is above 2^53. */
const MAX_FACTOR = 0x80 ** 7;
