import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "./command.ts";
import { crc32 } from "./crc32.ts";
import { KvSnapshotError } from "../errors.ts";
import { PagedTable } from "./paged-table.ts";
import { SessionTable } from "./sessions.ts";
import {
  CHUNK_BYTES,
  HEADER_BYTES,
  PAIR_HEADER_BYTES,
  SESSION_BYTES,
  type SnapshotHeader,
  type StateLimits,
  TRAILER_BYTES,
  decodeHeader,
  decodeSessionResult,
} from "./snapshot-format.ts";

/** The whole replicated state. */
export interface KvState {
  readonly table: PagedTable;
  readonly sessions: SessionTable;
}

/**
 * Builds a new state from a snapshot, however it is cut into chunks. Rejects with {@link KvSnapshotError} unless it is complete, undamaged
 * and was made with the same `limits`. Waits for `pause` after every {@link CHUNK_BYTES}.
 */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  limits: StateLimits,
  pause: () => Promise<void>,
): Promise<KvState> {
  const reader = new SnapshotReader(limits);
  let sincePause = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      const piece = chunk.subarray(at, at + CHUNK_BYTES);
      if (sincePause + piece.length > CHUNK_BYTES) {
        await pause();
        sincePause = 0;
      }
      reader.push(piece);
      sincePause += piece.length;
    }
  }
  return reader.finish();
}

class SnapshotReader {
  readonly #limits: StateLimits;
  readonly #table = new PagedTable();
  readonly #sessions: SessionTable;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #header: SnapshotHeader | null = null;
  #complete = false;
  #crc = 0;
  #buffer = new Uint8Array(2 * CHUNK_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #start = 0;
  #end = 0;

  constructor(limits: StateLimits) {
    this.#limits = limits;
    this.#sessions = new SessionTable(limits.maxSessions);
  }

  push(piece: Uint8Array): void {
    this.#append(piece);
    while (!this.#complete && this.#readItem());
    if (this.#complete && this.#end > this.#start) {
      throw new KvSnapshotError("trailingBytes", "the snapshot goes on after its end");
    }
  }

  finish(): KvState {
    if (!this.#complete) throw new KvSnapshotError("truncated", "the snapshot ends before its end");
    return { table: this.#table, sessions: this.#sessions };
  }

  /** Reads what comes next if all of it has arrived. */
  #readItem(): boolean {
    if (this.#header === null) return this.#readHeader();
    if (this.#table.size < this.#header.keyCount) return this.#readPair();
    if (this.#sessions.size < this.#header.sessionCount) return this.#readSession();
    return this.#readTrailer();
  }

  #readHeader(): boolean {
    if (!this.#arrived(HEADER_BYTES)) return false;
    this.#header = decodeHeader(this.#buffer.subarray(this.#start, this.#start + HEADER_BYTES), this.#limits);
    this.#consume(HEADER_BYTES);
    return true;
  }

  #readPair(): boolean {
    if (!this.#arrived(PAIR_HEADER_BYTES)) return false;
    const keyBytes = this.#view.getUint32(this.#start, true);
    const valueBytes = this.#view.getUint32(this.#start + 4, true);
    if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES || valueBytes > MAX_VALUE_BYTES) {
      throw new KvSnapshotError(
        "damaged",
        `pair ${this.#table.size} has a key of ${keyBytes} bytes and a value of ${valueBytes}`,
      );
    }
    if (!this.#arrived(PAIR_HEADER_BYTES + keyBytes + valueBytes)) return false;
    const keyAt = this.#start + PAIR_HEADER_BYTES;
    const key = this.#text(keyAt, keyBytes);
    if (this.#table.has(key)) {
      throw new KvSnapshotError("duplicateKey", `pair ${this.#table.size} repeats an earlier key`);
    }
    this.#table.set(key, this.#text(keyAt + keyBytes, valueBytes), valueBytes);
    this.#consume(PAIR_HEADER_BYTES + keyBytes + valueBytes);
    return true;
  }

  #readSession(): boolean {
    if (!this.#arrived(SESSION_BYTES)) return false;
    const clientId = this.#view.getBigInt64(this.#start, true);
    const commandId = this.#view.getBigInt64(this.#start + 8, true);
    const result = decodeSessionResult(this.#view.getUint8(this.#start + 16));
    if (clientId === 0n || result === undefined) {
      throw new KvSnapshotError("damaged", `session ${this.#sessions.size} cannot be one`);
    }
    if (this.#sessions.has(clientId)) {
      throw new KvSnapshotError(
        "duplicateSession",
        `session ${this.#sessions.size} repeats an earlier client`,
      );
    }
    this.#sessions.record({ clientId, commandId, result });
    this.#consume(SESSION_BYTES);
    return true;
  }

  #readTrailer(): boolean {
    if (!this.#arrived(TRAILER_BYTES)) return false;
    if (this.#view.getUint32(this.#start, true) !== this.#crc) {
      throw new KvSnapshotError("damaged", "the checksum of the snapshot is wrong");
    }
    this.#start += TRAILER_BYTES;
    this.#complete = true;
    return true;
  }

  #text(at: number, bytes: number): string {
    try {
      return this.#decoder.decode(this.#buffer.subarray(at, at + bytes));
    } catch (cause) {
      throw new KvSnapshotError("damaged", `pair ${this.#table.size} is not UTF-8`, { cause });
    }
  }

  #arrived(bytes: number): boolean {
    return this.#end - this.#start >= bytes;
  }

  #consume(bytes: number): void {
    this.#crc = crc32(this.#buffer.subarray(this.#start, this.#start + bytes), this.#crc);
    this.#start += bytes;
  }

  /**
   * Moves what is left to the front of a buffer that is at least half empty then: however small the pieces are, each byte is
   * moved a bounded number of times. What is left is less than the largest pair, so the buffer stays small.
   */
  #append(piece: Uint8Array): void {
    const rest = this.#end - this.#start;
    if (this.#end + piece.length > this.#buffer.length) {
      let capacity = this.#buffer.length;
      while (capacity < 2 * (rest + piece.length)) capacity *= 2;
      const target = capacity === this.#buffer.length ? this.#buffer : new Uint8Array(capacity);
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#view = new DataView(target.buffer);
      this.#start = 0;
      this.#end = rest;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
  }
}
