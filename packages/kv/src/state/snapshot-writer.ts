import { type ClientWrite, type SessionView, encodeSession } from "@eraft/runtime";
import { writeByteString } from "./byte-string.ts";
import { crc32 } from "./crc32.ts";
import type { HistoryView } from "./history.ts";
import type { Change, Item } from "./items.ts";
import type { KeptResult } from "./kept-result.ts";
import type { StateLimits } from "./limits.ts";
import type { KvEntry } from "./query.ts";
import type { KvTextResult } from "./result.ts";
import { keptResultCodec } from "./result-codec.ts";
import {
  AS_IT_IS,
  CHANGE_HEADER_BYTES,
  CHUNK_BYTES,
  DELETED,
  ITEM_HEADER_BYTES,
  MAX_ITEM_BYTES,
  CLIENT_BYTES,
  TRAILER_BYTES,
  encodeHeader,
  encodeClientResult,
  setUint53,
} from "./snapshot-format.ts";
import type { Value } from "./value.ts";

/** A state at one moment. */
export interface StateView {
  readonly keyCount: number;
  /** All of them, in the order of the keys, a few hundred at a time. Asked for once. */
  readonly items: Iterable<readonly KvEntry[]> | AsyncIterable<readonly KvEntry[]>;
  /** Tells of changes in the history whether their item is the one that is there at that moment. Asked for once, when the items have been. */
  readonly areAsTheyAre: () => Promise<(change: Change, revision: number) => boolean>;
  readonly history: HistoryView;
  readonly sessions: readonly SessionView<KeptResult>[];
  readonly clients: readonly ClientWrite<KvTextResult>[];
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
  for await (const some of parts(state, limits, writer)) {
    for (const _ of some) {
      for (let chunk = writer.fullChunk(); chunk !== null; chunk = writer.fullChunk()) {
        yield chunk;
        await pause();
      }
    }
  }
  yield writer.end();
}

/** Writes one part after the other; none is larger than the largest item. */
async function* parts(
  state: StateView,
  limits: StateLimits,
  writer: SnapshotWriter,
): AsyncGenerator<Iterable<void>> {
  const { keyCount, items, history, sessions, clients } = state;
  const { revision, firstRevision } = history;
  const counts = { keyCount, clientCount: clients.length, sessionCount: sessions.length };
  writer.bytes(encodeHeader({ ...limits, ...counts, revision, firstRevision }));
  for await (const page of items) yield itemParts(page, writer);
  yield changeParts(history, await state.areAsTheyAre(), writer);
  yield sessionParts(state, writer);
}

function* itemParts(page: readonly KvEntry[], writer: SnapshotWriter): Generator<void> {
  for (const { key, item } of page) yield writer.item(key, item);
}

function* changeParts(
  history: HistoryView,
  isAsItIs: (change: Change, revision: number) => boolean,
  writer: SnapshotWriter,
): Generator<void> {
  for (let revision = history.firstRevision; revision <= history.revision; revision++) {
    const changes = history.changesOf(revision) ?? [];
    yield writer.count(changes.length);
    for (const change of changes) yield writer.change(change, isAsItIs(change, revision));
  }
}

function* sessionParts(
  { clients, sessions }: Pick<StateView, "clients" | "sessions">,
  writer: SnapshotWriter,
): Generator<void> {
  for (const client of clients) yield writer.client(client);
  for (const session of sessions) {
    const bytes = encodeSession(session, keptResultCodec);
    yield writer.count(bytes.length);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      yield writer.bytes(bytes.subarray(at, at + CHUNK_BYTES));
    }
  }
}

/** Collects encoded items in one buffer, which has room for a chunk that is almost full and the largest item. */
class SnapshotWriter {
  readonly #buffer = new Uint8Array(CHUNK_BYTES + MAX_ITEM_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #start = 0;
  #end = 0;
  #crc = 0;

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  item(key: string, { value, createRevision, modRevision }: Item): void {
    this.#view.setUint32(this.#end, key.length, true);
    this.#view.setUint32(this.#end + 4, value.length, true);
    setUint53(this.#view, this.#end + 8, createRevision);
    setUint53(this.#view, this.#end + 16, modRevision);
    this.#end += ITEM_HEADER_BYTES;
    this.#value(key);
    this.#value(value);
  }

  count(count: number): void {
    this.#view.setUint32(this.#end, count, true);
    this.#end += 4;
  }

  change({ key, item }: Change, isAsItIs: boolean): void {
    const length = item === null ? DELETED : isAsItIs ? AS_IT_IS : item.value.length;
    this.#view.setUint32(this.#end, key.length, true);
    this.#view.setUint32(this.#end + 4, length, true);
    setUint53(this.#view, this.#end + 8, item?.createRevision ?? 0);
    this.#end += CHANGE_HEADER_BYTES;
    this.#value(key);
    if (item !== null && !isAsItIs) this.#value(item.value);
  }

  client({ clientId, commandId, result }: ClientWrite<KvTextResult>): void {
    this.#view.setBigInt64(this.#end, clientId, true);
    this.#view.setBigInt64(this.#end + 8, commandId, true);
    this.#view.setUint8(this.#end + 16, encodeClientResult(result));
    this.#end += CLIENT_BYTES;
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

  #value(value: Value): void {
    if (typeof value === "string") writeByteString(value, this.#buffer, this.#end);
    else this.#buffer.set(value, this.#end);
    this.#end += value.length;
  }
}
