import { crc32 } from "./crc32.ts";
import type { TableView } from "./paged-table.ts";
import type { Session } from "./sessions.ts";
import {
  CHUNK_BYTES,
  MAX_PAIR_BYTES,
  PAIR_HEADER_BYTES,
  SESSION_BYTES,
  type StateLimits,
  TRAILER_BYTES,
  encodeHeader,
  encodeSessionResult,
} from "./snapshot-format.ts";

/** A state at one moment. */
export interface StateView {
  readonly pairs: TableView;
  readonly sessions: readonly Session[];
}

/**
 * The snapshot of `state`, in chunks of {@link CHUNK_BYTES} and a last one of what is left. Each chunk is a buffer of its own.
 * Waits for `pause` before it makes another chunk, so that a million keys do not hold up heartbeats.
 */
export async function* writeSnapshot(
  state: StateView,
  limits: StateLimits,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new SnapshotWriter();
  const { pairs, sessions } = state;
  writer.bytes(encodeHeader({ ...limits, keyCount: pairs.size, sessionCount: sessions.length }));
  for (let slot = 0; slot < pairs.size; slot++) {
    writer.pair(pairs.keyAt(slot), pairs.valueAt(slot));
    for (let chunk = writer.fullChunk(); chunk !== null; chunk = writer.fullChunk()) {
      yield chunk;
      await pause();
    }
  }
  for (const session of sessions) {
    writer.session(session);
    const chunk = writer.fullChunk();
    if (chunk === null) continue;
    yield chunk;
    await pause();
  }
  yield writer.end();
}

/** Collects encoded items in one buffer, which has room for a chunk that is almost full and the largest item. */
class SnapshotWriter {
  readonly #buffer = new Uint8Array(CHUNK_BYTES + MAX_PAIR_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #encoder = new TextEncoder();
  #start = 0;
  #end = 0;
  #crc = 0;

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  pair(key: string, value: string): void {
    const lengthsAt = this.#end;
    this.#end += PAIR_HEADER_BYTES;
    this.#view.setUint32(lengthsAt, this.#text(key), true);
    this.#view.setUint32(lengthsAt + 4, this.#text(value), true);
  }

  session(session: Session): void {
    this.#view.setBigInt64(this.#end, session.clientId, true);
    this.#view.setBigInt64(this.#end + 8, session.commandId, true);
    this.#view.setUint8(this.#end + 16, encodeSessionResult(session.result));
    this.#end += SESSION_BYTES;
  }

  /** The next chunk if there is enough for one; to be called until there is not before the next item. */
  fullChunk(): Uint8Array | null {
    if (this.#end - this.#start >= CHUNK_BYTES) return this.#take(CHUNK_BYTES);
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return null;
  }

  /** The last chunk, with the trailer. */
  end(): Uint8Array {
    const rest = this.#end - this.#start;
    const crc = crc32(this.#buffer.subarray(this.#start, this.#end), this.#crc);
    this.#view.setUint32(this.#end, crc, true);
    return this.#buffer.slice(this.#start, this.#start + rest + TRAILER_BYTES);
  }

  #take(bytes: number): Uint8Array {
    const chunk = this.#buffer.slice(this.#start, this.#start + bytes);
    this.#crc = crc32(chunk, this.#crc);
    this.#start += bytes;
    return chunk;
  }

  #text(text: string): number {
    const { read, written } = this.#encoder.encodeInto(text, this.#buffer.subarray(this.#end));
    if (read !== text.length) throw new Error("a key or a value is larger than the state machine allows");
    this.#end += written;
    return written;
  }
}
