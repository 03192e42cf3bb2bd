import { SESSION_WINDOW } from "./serial.ts";
import type { SessionView } from "./session.ts";
import { SessionFormatError } from "./session-format-error.ts";

/** How results become bytes and come back. */
export interface ResultCodec<Result> {
  encode(result: Result): Uint8Array;
  /** @throws anything if `bytes` are no result. */
  decode(bytes: Uint8Array): Result;
}

const HEAD_BYTES = 28;
const RESULT_HEAD_BYTES = 8;

/**
 * One session of a snapshot. Numbers are little-endian.
 *
 *     u64 id
 *     u64 lastUsed
 *     u64 firstUnanswered
 *     u32 how many results
 *     each:  u32 sequence - firstUnanswered, u32 length, the result        in the order of the sequences
 *
 * The bytes are a function of the session alone. How many they are, the snapshot around it has to say.
 */
export function encodeSession<Result>(session: SessionView<Result>, codec: ResultCodec<Result>): Uint8Array {
  const results = session.results().map(([sequence, result]) => [sequence, codec.encode(result)] as const);
  const bytes = new Uint8Array(
    results.reduce((sum, [, result]) => sum + RESULT_HEAD_BYTES + result.length, HEAD_BYTES),
  );
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(session.id), true);
  view.setBigUint64(8, BigInt(session.lastUsed), true);
  view.setBigUint64(16, BigInt(session.firstUnanswered), true);
  view.setUint32(24, results.length, true);
  let at = HEAD_BYTES;
  for (const [sequence, result] of results) {
    view.setUint32(at, sequence - session.firstUnanswered, true);
    view.setUint32(at + 4, result.length, true);
    bytes.set(result, at + RESULT_HEAD_BYTES);
    at += RESULT_HEAD_BYTES + result.length;
  }
  return bytes;
}

/** @throws SessionFormatError if `bytes` are not exactly one session */
export function decodeSession<Result>(bytes: Uint8Array, codec: ResultCodec<Result>): SessionView<Result> {
  if (bytes.length < HEAD_BYTES) throw new SessionFormatError("a session ends before its end");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const id = positive(view, 0);
  const lastUsed = positive(view, 8);
  const firstUnanswered = positive(view, 16);
  if (lastUsed < id) throw new SessionFormatError(`session ${id} was used before it was opened`);
  const results: (readonly [number, Result])[] = [];
  let at = HEAD_BYTES;
  let least = 0;
  for (let left = view.getUint32(24, true); left > 0; left--) {
    if (at + RESULT_HEAD_BYTES > bytes.length) throw new SessionFormatError(`session ${id} is cut off`);
    const distance = view.getUint32(at, true);
    const end = at + RESULT_HEAD_BYTES + view.getUint32(at + 4, true);
    if (distance < least || distance > SESSION_WINDOW || end > bytes.length) {
      throw new SessionFormatError(`session ${id} has a result that cannot be one`);
    }
    results.push([
      firstUnanswered + distance,
      resultOf(codec, bytes.subarray(at + RESULT_HEAD_BYTES, end), id),
    ]);
    least = distance + 1;
    at = end;
  }
  if (at < bytes.length) throw new SessionFormatError(`session ${id} goes on after its end`);
  return { id, lastUsed, firstUnanswered, results: () => results };
}

function resultOf<Result>(codec: ResultCodec<Result>, bytes: Uint8Array, id: number): Result {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new SessionFormatError(`session ${id} has a result that cannot be read`, { cause });
  }
}

function positive(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (value >= 1 && Number.isSafeInteger(value)) return value;
  throw new SessionFormatError(`a session has ${value} where an index or a number belongs`);
}
