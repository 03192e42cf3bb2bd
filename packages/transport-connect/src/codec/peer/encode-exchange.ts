import type { AppendEntries, Entry, ExchangeRequest, Request } from "@eraft/proto/eraft/peer/v1";
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
 * The bytes that protobuf-es gives for `frame`, after `before` bytes that are left to the caller, with each command copied once. Null for a frame with
 * anything else than AppendEntries. protobuf-es's own writer begins small and copies what it has whenever it is full, and all of it again at the
 * end: for every command that is replicated, and every follower, some four copies and the memory for them.
 */
export function encodeExchange<Bytes extends Uint8Array>(
  frame: ExchangeRequest,
  before: number,
  allocate: (size: number) => Bytes,
): Bytes | null {
  if (frame.hello !== undefined || frame.rejection !== undefined) return null;
  let size = fieldSize(frame.lane);
  const sizes: RequestSizes[] = [];
  for (const request of frame.requests) {
    const found = sizesOf(request);
    if (found === null) return null;
    sizes.push(found);
    size += lengthSize(found.request);
  }
  const bytes = allocate(before + size);
  const writer = new Writer(bytes, before);
  writer.field(LANE, frame.lane);
  for (const [i, found] of sizes.entries()) writer.request(frame.requests[i], found);
  return bytes;
}

/** How long the parts of a request are. */
interface RequestSizes {
  readonly request: number;
  readonly append: number;
  readonly entries: readonly number[];
}

function sizesOf({ body, sequence, term }: Request): RequestSizes | null {
  if (body.case !== "appendEntries") return null;
  const { entries, leaderCommit, prevLogIndex, prevLogTerm } = body.value;
  let append = fieldSize(prevLogIndex) + fieldSize(prevLogTerm) + fieldSize(leaderCommit);
  const found: number[] = [];
  for (const entry of entries) {
    if (entry.configuration !== undefined) return null;
    const size = entrySize(entry);
    found.push(size);
    append += lengthSize(size);
  }
  const request = fieldSize(sequence) + fieldSize(term) + lengthSize(append);
  return { request, append, entries: found };
}

function entrySize({ command, term }: Entry): number {
  return fieldSize(term) + (command.byteLength === 0 ? 0 : lengthSize(command.byteLength));
}

/** Of a tag, a length and that many bytes. */
function lengthSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Of a tag and a number; 0 is left out. */
function fieldSize(value: number | bigint): number {
  const number = Number(value);
  return number === 0 ? 0 : 1 + varintSize(number);
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

class Writer {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  field(tag: number, value: number | bigint): void {
    const number = Number(value);
    if (number === 0) return;
    this.#byte(tag);
    this.#varint(number);
  }

  request(request: Request | undefined, { append, entries, request: size }: RequestSizes): void {
    if (request?.body.case !== "appendEntries") return;
    this.#length(REQUESTS, size);
    this.field(SEQUENCE, request.sequence);
    this.field(TERM, request.term);
    this.#length(APPEND_ENTRIES, append);
    this.#append(request.body.value, entries);
  }

  #append(
    { entries, leaderCommit, prevLogIndex, prevLogTerm }: AppendEntries,
    sizes: readonly number[],
  ): void {
    this.field(PREV_LOG_INDEX, prevLogIndex);
    this.field(PREV_LOG_TERM, prevLogTerm);
    this.field(LEADER_COMMIT, leaderCommit);
    for (const [i, { command, term }] of entries.entries()) {
      this.#length(ENTRIES, sizes[i] ?? 0);
      this.field(ENTRY_TERM, term);
      if (command.byteLength === 0) continue;
      this.#length(COMMAND, command.byteLength);
      this.#bytes.set(command, this.#at);
      this.#at += command.byteLength;
    }
  }

  #length(tag: number, length: number): void {
    this.#byte(tag);
    this.#varint(length);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }
}
