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
import { FieldWriter, fieldSize, lengthSize } from "./fields.ts";

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
  const writer = new FieldWriter(bytes, before);
  writer.field(LANE, frame.lane);
  for (const [i, found] of sizes.entries()) writeRequest(writer, frame.requests[i], found);
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

function writeRequest(
  writer: FieldWriter,
  request: Request | undefined,
  { append, entries, request: size }: RequestSizes,
): void {
  if (request?.body.case !== "appendEntries") return;
  writer.length(REQUESTS, size);
  writer.field(SEQUENCE, request.sequence);
  writer.field(TERM, request.term);
  writer.length(APPEND_ENTRIES, append);
  writeAppend(writer, request.body.value, entries);
}

function writeAppend(
  writer: FieldWriter,
  { entries, leaderCommit, prevLogIndex, prevLogTerm }: AppendEntries,
  sizes: readonly number[],
): void {
  writer.field(PREV_LOG_INDEX, prevLogIndex);
  writer.field(PREV_LOG_TERM, prevLogTerm);
  writer.field(LEADER_COMMIT, leaderCommit);
  for (const [i, { command, term }] of entries.entries()) {
    writer.length(ENTRIES, sizes[i] ?? 0);
    writer.field(ENTRY_TERM, term);
    writer.bytes(COMMAND, command);
  }
}
