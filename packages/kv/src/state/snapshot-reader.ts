import { type ClientTable, type SessionTable, decodeSession } from "@eraft/runtime";
import { type ByteString, byteStringOf } from "./byte-string.ts";
import { crc32 } from "./crc32.ts";
import { KvSnapshotError } from "../errors.ts";
import { History } from "./history.ts";
import type { Change, Item } from "./items.ts";
import type { KeptResult } from "./kept-result.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES, MAX_WRITE_PARTS, type StateLimits } from "./limits.ts";
import type { KvTextResult } from "./result.ts";
import { keptResultCodec } from "./result-codec.ts";
import {
  AS_IT_IS,
  CHANGE_HEADER_BYTES,
  CHUNK_BYTES,
  DELETED,
  HEADER_BYTES,
  ITEM_HEADER_BYTES,
  CLIENT_BYTES,
  MAX_SESSION_BYTES,
  type SnapshotHeader,
  TRAILER_BYTES,
  decodeHeader,
  decodeClientResult,
  getUint53,
} from "./snapshot-format.ts";
import type { CommandState } from "./apply-command.ts";
import { emptySessions } from "./state.ts";
import { SMALL_VALUE_BYTES, type Value, valueOf } from "./value.ts";

/** Where the items of a snapshot go, of which there may be too many for memory. */
export interface ItemSink {
  /** In the order of the keys. */
  add(key: ByteString, item: Item): void;
  /** Resolves when it can take more. Called often. */
  stored(): Promise<void>;
}

/** All of a state but the items. */
export type StateBesideItems = Omit<CommandState, "table">;

/**
 * Reads a snapshot, however it is cut into chunks, into `items` and what it resolves with. Rejects with {@link KvSnapshotError} unless it is complete, undamaged
 * and was made with the same `limits`: until then nobody is to believe what `items` got. Waits for `pause` after every {@link CHUNK_BYTES}.
 */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  limits: StateLimits,
  { items, pause }: { readonly items: ItemSink; readonly pause: () => Promise<void> },
): Promise<StateBesideItems> {
  const reader = new SnapshotReader(limits, items);
  let sincePause = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      const piece = chunk.subarray(at, at + CHUNK_BYTES);
      if (sincePause + piece.length > CHUNK_BYTES) {
        await pause();
        sincePause = 0;
      }
      reader.push(piece);
      await items.stored();
      sincePause += piece.length;
    }
  }
  return reader.finish();
}

class SnapshotReader {
  readonly #limits: StateLimits;
  readonly #items: ItemSink;
  /** Those that the history may mean when it says that an item is as it is now. */
  readonly #recent = new Map<ByteString, Item>();
  #itemCount = 0;
  readonly #sessions: SessionTable<KeptResult>;
  readonly #clients: ClientTable<KvTextResult>;
  #history: History;
  #header: SnapshotHeader | null = null;
  #lastKey: ByteString = "";
  /** Those of the next revision, and how many they will be; null between two revisions. */
  #changes: { readonly count: number; readonly read: Change[] } | null = null;
  #complete = false;
  #crc = 0;
  #buffer = new Uint8Array(2 * CHUNK_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #start = 0;
  #end = 0;

  constructor(limits: StateLimits, items: ItemSink) {
    this.#limits = limits;
    this.#items = items;
    const { sessions, clients } = emptySessions(limits);
    this.#sessions = sessions;
    this.#clients = clients;
    this.#history = new History(limits, 0);
  }

  push(piece: Uint8Array): void {
    this.#append(piece);
    while (!this.#complete && this.#readPart());
    if (this.#complete && this.#end > this.#start) {
      throw new KvSnapshotError("trailingBytes", "the snapshot goes on after its end");
    }
  }

  finish(): StateBesideItems {
    if (!this.#complete) throw new KvSnapshotError("truncated", "the snapshot ends before its end");
    return { history: this.#history, sessions: this.#sessions, clients: this.#clients };
  }

  /** Reads what comes next if all of it has arrived. */
  #readPart(): boolean {
    if (this.#header === null) return this.#readHeader();
    if (this.#itemCount < this.#header.keyCount) return this.#readItem(this.#header);
    if (this.#changes !== null) return this.#readChange(this.#changes);
    if (this.#history.revision < this.#header.revision) return this.#readCount();
    if (this.#clients.size < this.#header.clientCount) return this.#readClient();
    if (this.#sessions.size < this.#header.sessionCount) return this.#readSession();
    return this.#readTrailer(this.#header);
  }

  #readHeader(): boolean {
    if (!this.#arrived(HEADER_BYTES)) return false;
    const header = decodeHeader(this.#buffer.subarray(this.#start, this.#start + HEADER_BYTES), this.#limits);
    this.#header = header;
    this.#history = new History(this.#limits, header.firstRevision - 1);
    this.#consume(HEADER_BYTES);
    return true;
  }

  #readItem(header: SnapshotHeader): boolean {
    if (!this.#arrived(ITEM_HEADER_BYTES)) return false;
    const name = `item ${this.#itemCount}`;
    const { keyBytes, valueBytes } = this.#readLengths(name);
    if (valueBytes > MAX_VALUE_BYTES) throw damaged(`${name} has a value of ${valueBytes} bytes`);
    const createRevision = getUint53(this.#view, this.#start + 8);
    const modRevision = getUint53(this.#view, this.#start + 16);
    if (!(createRevision >= 1 && createRevision <= modRevision && modRevision <= header.revision)) {
      throw damaged(`${name} is of the revisions ${createRevision} and ${modRevision}`);
    }
    const bytes = ITEM_HEADER_BYTES + keyBytes + valueBytes;
    if (!this.#arrived(bytes)) return false;
    const keyAt = this.#start + ITEM_HEADER_BYTES;
    const key = this.#key(keyAt, keyBytes);
    if (this.#itemCount > 0 && key <= this.#lastKey) {
      if (key < this.#lastKey) throw damaged(`${name} is not in the order of the keys`);
      throw new KvSnapshotError("duplicateKey", `${name} repeats the key before it`);
    }
    this.#lastKey = key;
    const value = this.#value(keyAt + keyBytes, valueBytes);
    const item = { value, createRevision, modRevision };
    this.#items.add(key, item);
    this.#itemCount += 1;
    if (modRevision >= header.firstRevision) this.#remember(key, item);
    this.#consume(bytes);
    return true;
  }

  /** The history has a change for each of them, and so no more than it can have. */
  #remember(key: ByteString, item: Item): void {
    this.#recent.set(key, item);
    if (this.#recent.size > Math.max(this.#limits.maxHistoryChanges, MAX_WRITE_PARTS)) {
      throw damaged("more items were written since its first revision than it has changes");
    }
  }

  #readCount(): boolean {
    if (!this.#arrived(4)) return false;
    const count = this.#view.getUint32(this.#start, true);
    if (count < 1 || count > MAX_WRITE_PARTS) {
      throw damaged(`revision ${this.#history.revision + 1} has ${count} changes`);
    }
    this.#changes = { count, read: [] };
    this.#consume(4);
    return true;
  }

  #readChange({ count, read }: { readonly count: number; readonly read: Change[] }): boolean {
    if (!this.#arrived(CHANGE_HEADER_BYTES)) return false;
    const name = `change ${read.length} of revision ${this.#history.revision + 1}`;
    const { keyBytes, valueBytes } = this.#readLengths(name);
    const hasValue = valueBytes !== DELETED && valueBytes !== AS_IT_IS;
    if (hasValue && valueBytes > MAX_VALUE_BYTES) throw damaged(`${name} has ${valueBytes} bytes`);
    const bytes = CHANGE_HEADER_BYTES + keyBytes + (hasValue ? valueBytes : 0);
    if (!this.#arrived(bytes)) return false;
    const keyAt = this.#start + CHANGE_HEADER_BYTES;
    const key = this.#key(keyAt, keyBytes);
    if (read.some((change) => change.key === key)) throw damaged(`${name} repeats a key`);
    const item = this.#changedItem(key, valueBytes, keyAt + keyBytes, name);
    const createRevision = getUint53(this.#view, this.#start + 8);
    if (createRevision !== (item?.createRevision ?? 0)) throw damaged(`${name} was not made then`);
    read.push({ key, item });
    this.#consume(bytes);
    if (read.length < count) return true;
    this.#history.push(read);
    this.#changes = null;
    return true;
  }

  #changedItem(key: ByteString, valueBytes: number, valueAt: number, name: string): Item | null {
    if (valueBytes === DELETED) return null;
    const modRevision = this.#history.revision + 1;
    const present = this.#recent.get(key);
    if (valueBytes === AS_IT_IS) {
      // The same object, as it was where it was written.
      if (present?.modRevision === modRevision) return present;
      throw damaged(`${name} is not what there is now`);
    }
    const createRevision = getUint53(this.#view, this.#start + 8);
    if (createRevision < 1 || createRevision > modRevision || present?.modRevision === modRevision) {
      throw damaged(`${name} cannot be one`);
    }
    return { value: this.#value(valueAt, valueBytes), createRevision, modRevision };
  }

  #readClient(): boolean {
    if (!this.#arrived(CLIENT_BYTES)) return false;
    const clientId = this.#view.getBigInt64(this.#start, true);
    const commandId = this.#view.getBigInt64(this.#start + 8, true);
    const result = decodeClientResult(this.#view.getUint8(this.#start + 16));
    if (clientId === 0n || result === undefined) throw damaged(`client ${this.#clients.size} cannot be one`);
    if (this.#clients.has(clientId)) {
      throw new KvSnapshotError("duplicateSession", `client ${this.#clients.size} is there twice`);
    }
    this.#clients.record({ clientId, commandId, result });
    this.#consume(CLIENT_BYTES);
    return true;
  }

  #readSession(): boolean {
    if (!this.#arrived(4)) return false;
    const bytes = this.#view.getUint32(this.#start, true);
    if (bytes > MAX_SESSION_BYTES) throw damaged(`session ${this.#sessions.size} has ${bytes} bytes`);
    if (!this.#arrived(4 + bytes)) return false;
    try {
      const session = this.#buffer.subarray(this.#start + 4, this.#start + 4 + bytes);
      this.#sessions.restore(decodeSession(session, keptResultCodec));
    } catch (cause) {
      throw damaged(`session ${this.#sessions.size} cannot be one`, { cause });
    }
    this.#consume(4 + bytes);
    return true;
  }

  #readTrailer({ firstRevision }: SnapshotHeader): boolean {
    if (!this.#arrived(TRAILER_BYTES)) return false;
    if (this.#view.getUint32(this.#start, true) !== this.#crc) {
      throw damaged("the checksum of the snapshot is wrong");
    }
    if (this.#history.firstRevision !== firstRevision) throw damaged("the history is larger than its limits");
    this.#start += TRAILER_BYTES;
    this.#complete = true;
    return true;
  }

  #readLengths(name: string): { readonly keyBytes: number; readonly valueBytes: number } {
    const keyBytes = this.#view.getUint32(this.#start, true);
    if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES) throw damaged(`${name} has a key of ${keyBytes} bytes`);
    return { keyBytes, valueBytes: this.#view.getUint32(this.#start + 4, true) };
  }

  #key(at: number, bytes: number): ByteString {
    return byteStringOf(this.#buffer.subarray(at, at + bytes));
  }

  /** Of memory of its own: the buffer is used again. */
  #value(at: number, bytes: number): Value {
    const end = at + bytes;
    return valueOf(bytes > SMALL_VALUE_BYTES ? this.#buffer.slice(at, end) : this.#buffer.subarray(at, end));
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
   * moved a bounded number of times. What is left is less than the largest item or session, so the buffer stays small.
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

function damaged(message: string, options?: ErrorOptions): KvSnapshotError {
  return new KvSnapshotError("damaged", message, options);
}
