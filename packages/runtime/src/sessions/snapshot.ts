import { bytes, json } from "../codecs.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { decodeSession, encodeSession } from "./session-codec.ts";
import { SessionFormatError } from "./session-format-error.ts";
import { type SessionLimits, SessionTable } from "./session-table.ts";
import type { SessionView } from "./session.ts";

// A snapshot with sessions. Numbers are little-endian.
//
//     8   "ERAFT-SN"
//     u32 version, 1
//     u32 maxSessions  \ the limits of the server that made it; another server must have the same
//     u32 maxResults   /
//     u32 how many sessions
//     each: u32 length, the session, see session-codec.ts          least recently used first
//     the snapshot of the state machine inside, to the end
//
// Damage on the way is the storage's and the transport's to find. The bytes are a function of the state alone, as far as those of the state machine inside are.

const VERSION = 1;
const HEAD_BYTES = 24;
const MAGIC = json().encode("ERAFT-SN").subarray(1, 9);
/** Small sessions are put together until they make a chunk of this size. */
const CHUNK_BYTES = 64 << 10;

/** Both views are fixed when this is called. Whoever gives up in the middle calls `return`, as a loop does: the state machine inside may hold something open. */
export function sessionChunks(
  table: SessionTable<Uint8Array>,
  inside: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const sessions = table.view();
  const head = new Uint8Array(HEAD_BYTES);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, table.maxSessions, true);
  view.setUint32(16, table.maxResults, true);
  view.setUint32(20, sessions.length, true);
  const rest = inside[Symbol.asyncIterator]();
  const chunks = write(head, sessions, rest);
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    // Not left to the generator: one that was never begun has nothing to clean up.
    await rest.return?.();
    return chunks.return(undefined);
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => chunks.next(), return: end }) };
}

async function* write(
  head: Uint8Array,
  sessions: readonly SessionView<Uint8Array>[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  let pieces = [head];
  let size = head.length;
  for (const session of sessions) {
    const encoded = encodeSession(session, bytes);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, encoded.length, true);
    pieces.push(length, encoded);
    size += length.length + encoded.length;
    if (size < CHUNK_BYTES) continue;
    yield join(pieces, size);
    pieces = [];
    size = 0;
  }
  if (size > 0) yield join(pieces, size);
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/**
 * Takes the sessions off the front of a snapshot. `rest` is that of the state machine inside.
 *
 * @throws SessionFormatError if they are damaged, or were made with other limits; what reading `chunks` throws
 */
export async function readSessions(
  chunks: AsyncIterable<Uint8Array>,
  limits: SessionLimits,
): Promise<{ readonly table: SessionTable<Uint8Array>; readonly rest: AsyncIterable<Uint8Array> }> {
  const reader = new ChunkReader(chunks);
  const table = new SessionTable<Uint8Array>(limits);
  const head = await reader.take(HEAD_BYTES);
  if (MAGIC.some((byte, at) => head[at] !== byte)) {
    throw new SessionFormatError("this is not a snapshot of a state machine with sessions");
  }
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new SessionFormatError(`the snapshot has format version ${version}, this program reads ${VERSION}`);
  }
  const [maxSessions, maxResults] = [view.getUint32(12, true), view.getUint32(16, true)];
  if (maxSessions !== table.maxSessions || maxResults !== table.maxResults) {
    throw new SessionFormatError(
      `the snapshot was made with maxSessions ${maxSessions} and maxResults ${maxResults}, this server has ` +
        `${table.maxSessions} and ${table.maxResults}; they must be the same on all servers`,
    );
  }
  for (let left = view.getUint32(20, true); left > 0; left--) {
    const length = await reader.take(4);
    const encoded = await reader.take(new DataView(length.buffer, length.byteOffset, 4).getUint32(0, true));
    // Copied: the results in it stay, and the chunk that they came in should not.
    table.restore(decodeSession(encoded.slice(), bytes));
  }
  return { table, rest: reader.rest() };
}

function join(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
