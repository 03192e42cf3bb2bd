import { ConnectionError, ErrorCode } from "../errors.ts";
import {
  DEFAULT_WINDOW_BYTES,
  Flag,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
} from "../frames/frame-types.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import type { HeaderList } from "../hpack/header-list.ts";
import type { Stream } from "../stream.ts";
import { httpDate } from "./http-date.ts";
import type { Outbox } from "./outbox.ts";

/** A stream may send so much before it is the next one's turn. */
const TURN_BYTES = 4 * MAX_FRAME_BYTES;

/** Sends answers as far as the peer's windows and its reading allow, the streams in turn (RFC 9113, 5.2). */
export class Sender {
  readonly encoder: HpackEncoder = new HpackEncoder();
  readonly #outbox: Outbox;
  /** Both sides have ended it, or it is only ours that has. */
  readonly #ended: (stream: Stream) => void;
  #window = DEFAULT_WINDOW_BYTES;
  /** What new streams begin with. */
  #streamWindow = DEFAULT_WINDOW_BYTES;
  #maxFrameBytes = MAX_FRAME_BYTES;
  /** Those that could send more, were it not for the connection's window or the socket. */
  readonly #waiting = new Set<Stream>();

  constructor(outbox: Outbox, ended: (stream: Stream) => void) {
    this.#outbox = outbox;
    this.#ended = ended;
  }

  get streamWindow(): number {
    return this.#streamWindow;
  }

  set maxFrameBytes(bytes: number) {
    // More than a buffer of ours at a time brings nothing.
    this.#maxFrameBytes = Math.min(bytes, MAX_FRAME_BYTES);
  }

  /** The peer has given another initial window: it counts for the streams that are open, too (RFC 9113, 6.9.2). */
  resizeStreams(bytes: number, open: Iterable<Stream>): void {
    const more = bytes - this.#streamWindow;
    this.#streamWindow = bytes;
    for (const stream of open) {
      stream.sendWindow += more;
      if (stream.sendWindow > MAX_WINDOW_BYTES) throw overflow();
      if (more > 0 && hasMore(stream)) this.#waiting.add(stream);
    }
    this.sendWaiting();
  }

  widen(bytes: number): void {
    this.#window += bytes;
    if (this.#window > MAX_WINDOW_BYTES) throw overflow();
    this.sendWaiting();
  }

  /** False if the window would be too wide. */
  widenStream(stream: Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > MAX_WINDOW_BYTES) return false;
    if (hasMore(stream)) this.send(stream);
    return true;
  }

  sendAtOnce(
    stream: Stream,
    headers: HeaderList,
    body: Uint8Array | null,
    trailers: HeaderList | null,
  ): boolean {
    const bytes = body === null ? 0 : body.byteLength;
    if (this.#waiting.size > 0 || this.#outbox.isFull) return false;
    if (bytes > this.#maxFrameBytes || bytes > this.#window || bytes > stream.sendWindow) return false;
    this.#headers(stream, headers, bytes === 0 && trailers === null, true);
    if (body !== null && bytes > 0) {
      this.#window -= bytes;
      stream.sendWindow -= bytes;
      this.#outbox.begin(FrameType.data, trailers === null ? Flag.endStream : 0, stream.id, bytes);
      this.#outbox.append(body);
    }
    if (trailers !== null) this.#headers(stream, trailers, true, false);
    this.#ended(stream);
    return true;
  }

  send(stream: Stream): void {
    if (this.#outbox.isFull) {
      this.#waiting.add(stream);
      return;
    }
    this.#sendSome(stream);
    if (this.#waiting.size > 0 && this.#window > 0) this.sendWaiting();
  }

  /** As much as may be of all that waits. */
  sendWaiting(): void {
    while (this.#waiting.size > 0 && !this.#outbox.isFull) {
      let isStuck = true;
      for (const stream of Array.from(this.#waiting)) {
        if (this.#outbox.isFull) return;
        this.#waiting.delete(stream);
        if (this.#sendSome(stream)) isStuck = false;
      }
      if (isStuck) return;
    }
  }

  forget(stream: Stream): void {
    this.#waiting.delete(stream);
  }

  /** Whether anything was sent. */
  #sendSome(stream: Stream): boolean {
    if (stream.isLocalEnded || stream.isClosed) return false;
    let hasSent = false;
    if (stream.head !== null) {
      const { head } = stream;
      stream.head = null;
      hasSent = true;
      const isAll = stream.isEnded && stream.queuedBytes === 0 && stream.trailers === null;
      this.#headers(stream, head, isAll, true);
      if (isAll) {
        this.#ended(stream);
        return true;
      }
    }
    const hadBytes = stream.queuedBytes > 0;
    if (hadBytes && this.#data(stream)) hasSent = true;
    if (stream.queuedBytes > 0) return hasSent;
    if (stream.isEnded) this.#end(stream, hadBytes);
    else if (hadBytes) stream.listener.drained?.();
    return true;
  }

  /** Sends chunks until the turn is over, or one of the windows. */
  #data(stream: Stream): boolean {
    let leftBytes = TURN_BYTES;
    while (stream.queuedBytes > 0) {
      const chunk = stream.chunks?.[0];
      if (chunk === undefined) break;
      const from = stream.sentOfFirst;
      const bytes = Math.min(
        chunk.byteLength - from,
        this.#maxFrameBytes,
        this.#window,
        stream.sendWindow,
        leftBytes,
      );
      if (bytes <= 0) {
        // One that waits for its own window is told when that widens.
        if (stream.sendWindow > 0) this.#waiting.add(stream);
        break;
      }
      leftBytes -= bytes;
      this.#take(stream, chunk, bytes);
      const isLast = stream.queuedBytes === 0 && stream.isEnded && stream.trailers === null;
      this.#outbox.begin(FrameType.data, isLast ? Flag.endStream : 0, stream.id, bytes);
      this.#outbox.append(
        from === 0 && bytes === chunk.byteLength ? chunk : chunk.subarray(from, from + bytes),
      );
    }
    return leftBytes < TURN_BYTES;
  }

  #take(stream: Stream, chunk: Uint8Array, bytes: number): void {
    this.#window -= bytes;
    stream.sendWindow -= bytes;
    stream.takeQueued(bytes);
    stream.sentOfFirst += bytes;
    if (stream.sentOfFirst < chunk.byteLength) return;
    stream.sentOfFirst = 0;
    stream.chunks?.shift();
  }

  /** `isMarked`: its last bytes said that they are, unless there are trailers. */
  #end(stream: Stream, isMarked: boolean): void {
    const { trailers } = stream;
    stream.trailers = null;
    if (trailers !== null) this.#headers(stream, trailers, true, false);
    else if (!isMarked) this.#outbox.begin(FrameType.data, Flag.endStream, stream.id, 0);
    this.#ended(stream);
  }

  #headers(stream: Stream, list: HeaderList, isEnd: boolean, withDate: boolean): void {
    const block = this.encoder.encode(list, withDate && !list.hasDate ? httpDate(Date.now()) : null);
    const endStream = isEnd ? Flag.endStream : 0;
    const { byteLength } = block;
    if (byteLength <= MAX_FRAME_BYTES) {
      this.#outbox.begin(FrameType.headers, endStream | Flag.endHeaders, stream.id, byteLength);
      this.#outbox.append(block);
      return;
    }
    for (let at = 0; at < byteLength; at += MAX_FRAME_BYTES) {
      const part = block.subarray(at, at + MAX_FRAME_BYTES);
      const isLast = at + MAX_FRAME_BYTES >= byteLength;
      const type = at === 0 ? FrameType.headers : FrameType.continuation;
      const flags = (at === 0 ? endStream : 0) | (isLast ? Flag.endHeaders : 0);
      this.#outbox.begin(type, flags, stream.id, part.byteLength);
      this.#outbox.append(part);
    }
  }
}

function hasMore(stream: Stream): boolean {
  return stream.head !== null || stream.queuedBytes > 0 || (stream.isEnded && !stream.isLocalEnded);
}

function overflow(): ConnectionError {
  return new ConnectionError(ErrorCode.flowControlError, "a window above 2^31 - 1 bytes");
}
