import { ConnectionError, ErrorCode } from "../errors.ts";
import { DEFAULT_WINDOW_BYTES, Flag, FrameType } from "../frames/frame-types.ts";
import { HeadCache } from "../head-cache.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HeaderList } from "../hpack/header-list.ts";
import { areRegular } from "../request-head.ts";
import type { RequestHead } from "../request-head.ts";
import { NOBODY, Stream } from "../stream.ts";
import type { StreamHost } from "../stream.ts";
import { Allowance } from "./allowance.ts";
import type { ConnectionHost } from "./connection-host.ts";
import type { ControlFrames } from "./control-frames.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import type { Outbox } from "./outbox.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Sender } from "./sender.ts";

/** So many streams of those that we have reset are known as such; what still comes for others is told that they are closed. */
const MAX_KNOWN_RESETS = 1024;

const CONTINUE = new HeaderList([":status", "100"], true);

/** The streams of one connection, and the frames that are about them (RFC 9113, 5.1 and 8.1). Throws ConnectionErrors. */
export class Requests implements StreamHost {
  readonly sender: Sender;
  /** No request above the last one is served. */
  isDraining = false;
  readonly #host: ConnectionHost;
  readonly #outbox: Outbox;
  readonly #control: ControlFrames;
  readonly #allEnded: () => void;
  readonly #decoder: HpackDecoder;
  readonly #heads: HeadCache;
  readonly #blocks: HeaderBlocks;
  readonly #window: ReceiveWindow;
  readonly #streams = new Map<number, Stream>();
  readonly #resets = new Set<number>();
  /** For requests that end by force, and for what brings nobody anything. */
  readonly #resetAllowance = new Allowance(1000, 33);
  readonly #refusalAllowance = new Allowance(1000, 100);
  readonly #uselessAllowance = new Allowance(1000, 100);
  #queuedBytes = 0;
  #unconsumedBytes = 0;
  #lastStreamId = 0;
  /** What the peer may send on a new stream; ours counts once the peer has said that it knows. */
  #streamWindow = DEFAULT_WINDOW_BYTES;

  /** `allEnded`: called whenever the last request under way is over. */
  constructor(host: ConnectionHost, outbox: Outbox, control: ControlFrames, allEnded: () => void) {
    const { limits } = host;
    this.#host = host;
    this.#outbox = outbox;
    this.#control = control;
    this.#allEnded = allEnded;
    this.#decoder = new HpackDecoder(limits);
    this.#heads = new HeadCache(this.#decoder);
    this.#blocks = new HeaderBlocks(2 * limits.maxHeaderBytes);
    this.sender = new Sender(outbox, (stream) => this.#localEnded(stream));
    this.#window = new ReceiveWindow(limits.connectionWindowBytes);
    const more = this.#window.open();
    if (more > 0) control.windowUpdate(0, more);
  }

  /** Under way. */
  get count(): number {
    return this.#streams.size;
  }

  get lastStreamId(): number {
    return this.#lastStreamId;
  }

  get isWithinBlock(): boolean {
    return this.#blocks.isWithin;
  }

  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Called at each look of the server: what takes too long is told so, and then ended. */
  look(): void {
    const { look, requestLooks } = this.#host;
    for (const stream of this.#streams.values()) {
      if (stream.isRemoteEnded || look - stream.sinceLook <= requestLooks) continue;
      if (stream.isLocalEnded) this.resetStream(stream, ErrorCode.cancel);
      else stream.listener.late?.();
    }
  }

  // --- what comes in

  /** The peer knows our settings. Until then it may have gone by what HTTP/2 begins with. */
  settingsKnown(): void {
    const more = this.#host.limits.streamWindowBytes - this.#streamWindow;
    this.#streamWindow += more;
    for (const stream of this.#streams.values()) stream.receiveWindow += more;
  }

  initialWindow(bytes: number): void {
    this.sender.resizeStreams(bytes, this.#streams.values());
  }

  continuation(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    const whole = this.#blocks.goOn(streamId, flags, bytes.subarray(from, to));
    if (whole !== null) this.#block(whole.flags, streamId, whole.block, 0, whole.block.byteLength);
  }

  headers(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId === 0) throw protocolError("HEADERS without a stream");
    let [start, end] = [from, to];
    if ((flags & Flag.padded) !== 0) {
      end -= bytes[start] ?? 0;
      start += 1;
    }
    if ((flags & Flag.priority) !== 0) start += 5;
    if (start > to) throw new ConnectionError(ErrorCode.frameSizeError, "HEADERS that end early");
    if (start > end) throw protocolError("more padding than frame");
    if ((flags & Flag.endHeaders) !== 0) return this.#block(flags, streamId, bytes, start, end);
    this.#blocks.begin(streamId, flags, bytes.subarray(start, end));
  }

  /** All headers of a request, or its trailers. Whatever becomes of them, they are decoded: later ones build on them. */
  #block(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    const isEnd = (flags & Flag.endStream) !== 0;
    if (streamId <= this.#lastStreamId) return this.#trailers(isEnd, streamId, bytes, from, to);
    if (streamId % 2 === 0) throw protocolError("a stream of a client with an even number");
    const head = this.#heads.read(bytes, from, to);
    this.#lastStreamId = streamId;
    if (this.isDraining) return this.#refuse(streamId, ErrorCode.refusedStream);
    if (this.#streams.size >= this.#host.limits.maxConcurrentStreams) {
      return this.#refuse(streamId, ErrorCode.refusedStream);
    }
    if (head === "tooLarge") return this.#refuse(streamId, ErrorCode.enhanceYourCalm);
    if (head === "malformed" || (isEnd && (head.contentLength ?? 0) > 0)) {
      return this.#refuse(streamId, ErrorCode.protocolError);
    }
    if (this.#bufferedBytes() > this.#host.limits.maxBufferedBytes) {
      return this.#refuse(streamId, ErrorCode.enhanceYourCalm);
    }
    this.#open(streamId, head, isEnd);
  }

  #open(streamId: number, head: RequestHead, isEnd: boolean): void {
    const stream = new Stream(
      this,
      streamId,
      head.method === "HEAD",
      head.contentLength,
      this.#streamWindow,
      this.sender.streamWindow,
      this.#host.look,
    );
    stream.isRemoteEnded = isEnd;
    this.#streams.set(streamId, stream);
    if (head.expectsContinue && !isEnd) this.#continue(stream);
    stream.listener = this.#host.accept(stream, head);
    if (isEnd && !stream.isClosed) this.#remoteEnded(stream);
  }

  #continue(stream: Stream): void {
    const block = this.sender.encoder.encode(CONTINUE, null);
    this.#outbox.begin(FrameType.headers, Flag.endHeaders, stream.id, block.byteLength);
    this.#outbox.append(block);
  }

  #trailers(isEnd: boolean, streamId: number, bytes: Buffer, from: number, to: number): void {
    const fields = this.#decoder.decode(bytes, from, to);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      if (this.#resets.has(streamId)) return;
      throw new ConnectionError(ErrorCode.streamClosed, "HEADERS on a stream that is closed");
    }
    if (stream.isRemoteEnded) return this.#streamError(stream, ErrorCode.streamClosed);
    if (fields === null) return this.#streamError(stream, ErrorCode.enhanceYourCalm);
    if (!isEnd || !areRegular(fields)) return this.#streamError(stream, ErrorCode.protocolError);
    this.#end(stream);
  }

  data(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId === 0) throw protocolError("DATA without a stream");
    this.#window.take(to - from);
    let [start, end] = [from, to];
    if ((flags & Flag.padded) !== 0) {
      end -= bytes[start] ?? 0;
      start += 1;
      if (start > end) throw protocolError("more padding than frame");
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.isRemoteEnded) {
      this.#creditConnection(to - from);
      if (stream !== undefined) return this.#streamError(stream, ErrorCode.streamClosed);
      return this.#onClosed(streamId, "DATA");
    }
    stream.receiveWindow -= to - from;
    if (stream.receiveWindow < 0) {
      this.#creditConnection(to - from);
      return this.#streamError(stream, ErrorCode.flowControlError);
    }
    const isEnd = (flags & Flag.endStream) !== 0;
    if (to - from === 0 && !isEnd) return this.useless("frames without data");
    this.#dataReceived(stream, bytes, start, end, to - from, isEnd);
  }

  #dataReceived(
    stream: Stream,
    bytes: Buffer,
    start: number,
    end: number,
    frameBytes: number,
    isEnd: boolean,
  ): void {
    const length = end - start;
    stream.receivedBytes += length;
    const { contentLength } = stream;
    if (contentLength !== null && stream.receivedBytes > contentLength) {
      this.#creditConnection(frameBytes);
      return this.#streamError(stream, ErrorCode.protocolError);
    }
    const isKept = stream.isByHand && !stream.isLocalEnded;
    if (isKept) {
      stream.unconsumedBytes += length;
      this.#unconsumedBytes += length;
    }
    const creditBytes = isKept ? frameBytes - length : frameBytes;
    // The peer needs no more room for a stream that it has ended.
    if (isEnd) this.#creditConnection(creditBytes);
    else this.#credit(stream, creditBytes);
    if (length > 0 && !stream.isLocalEnded) stream.listener.data(bytes.subarray(start, end));
    if (isEnd && !stream.isClosed) this.#end(stream);
  }

  /** The request is complete, if it is what it said that it would be. */
  #end(stream: Stream): void {
    if (stream.contentLength !== null && stream.receivedBytes !== stream.contentLength) {
      return this.#streamError(stream, ErrorCode.protocolError);
    }
    stream.isRemoteEnded = true;
    this.#remoteEnded(stream);
  }

  #remoteEnded(stream: Stream): void {
    if (stream.isLocalEnded) this.#closeStream(stream, ErrorCode.noError);
    else stream.listener.end();
  }

  rstStream(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(ErrorCode.frameSizeError, "RST_STREAM is of 4 bytes");
    if (streamId === 0 || streamId > this.#lastStreamId) throw protocolError("RST_STREAM of no stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    // Whoever opens and resets has us work for nothing, as often as it likes.
    this.#takeReset();
    this.#closeStream(stream, bytes.readUInt32BE(from));
  }

  priority(streamId: number, length: number): void {
    if (streamId === 0) throw protocolError("PRIORITY without a stream");
    if (length === 5) return this.useless("PRIORITY");
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return this.#streamError(stream, ErrorCode.frameSizeError);
    throw new ConnectionError(ErrorCode.frameSizeError, "PRIORITY is of 5 bytes");
  }

  windowUpdate(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(ErrorCode.frameSizeError, "WINDOW_UPDATE is of 4 bytes");
    const more = bytes.readUInt32BE(from) & 0x7fffffff;
    if (streamId === 0) {
      if (more === 0) throw protocolError("WINDOW_UPDATE of 0 bytes");
      return this.sender.widen(more);
    }
    if (streamId > this.#lastStreamId) throw protocolError("WINDOW_UPDATE of no stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (more === 0) this.#streamError(stream, ErrorCode.protocolError);
    else if (!this.sender.widenStream(stream, more)) this.#streamError(stream, ErrorCode.flowControlError);
  }

  #onClosed(streamId: number, what: string): void {
    if (streamId > this.#lastStreamId) throw protocolError(`${what} on a stream that is not open`);
    // It may not have heard of it.
    if (this.#resets.has(streamId)) return;
    this.#refuse(streamId, ErrorCode.streamClosed);
  }

  // --- what goes out

  send(stream: Stream): void {
    this.sender.send(stream);
  }

  sendAtOnce(
    stream: Stream,
    headers: HeaderList,
    body: Uint8Array | null,
    trailers: HeaderList | null,
  ): boolean {
    return this.sender.sendAtOnce(stream, headers, body, trailers);
  }

  queued(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  /** So many bytes of the stream were read: the peer may send as many more, once it is worth a frame. */
  #credit(stream: Stream, bytes: number): void {
    this.#creditConnection(bytes);
    if (stream.isRemoteEnded) return;
    stream.uncreditedBytes += bytes;
    if (stream.uncreditedBytes * 2 < this.#streamWindow) return;
    stream.receiveWindow += stream.uncreditedBytes;
    this.#control.windowUpdate(stream.id, stream.uncreditedBytes);
    stream.uncreditedBytes = 0;
  }

  consumed(stream: Stream, bytes: number): void {
    this.#unconsumedBytes -= bytes;
    this.#credit(stream, bytes);
  }

  resetStream(stream: Stream, code: number): void {
    this.#reset(stream.id, code);
    this.#closeStream(stream, code);
  }

  #creditConnection(bytes: number): void {
    const more = this.#window.credit(bytes);
    if (more > 0) this.#control.windowUpdate(0, more);
  }

  /** A request that is not served at all. */
  #refuse(streamId: number, code: number): void {
    if (!this.#refusalAllowance.take(performance.now())) throw tooMuch("requests that are refused");
    this.#control.countAck();
    this.#reset(streamId, code);
  }

  #streamError(stream: Stream, code: number): void {
    this.#takeReset();
    this.resetStream(stream, code);
  }

  #reset(streamId: number, code: number): void {
    this.#control.rstStream(streamId, code);
    this.#resets.add(streamId);
    if (this.#resets.size <= MAX_KNOWN_RESETS) return;
    for (const oldest of this.#resets) {
      this.#resets.delete(oldest);
      break;
    }
  }

  #takeReset(): void {
    if (!this.#resetAllowance.take(performance.now())) throw tooMuch("requests that are reset");
  }

  useless(what: string): void {
    if (!this.#uselessAllowance.take(performance.now())) throw tooMuch(what);
  }

  #bufferedBytes(): number {
    return this.#queuedBytes + this.#unconsumedBytes + this.#outbox.waitingBytes;
  }

  #localEnded(stream: Stream): void {
    stream.isLocalEnded = true;
    if (stream.isRemoteEnded) return this.#closeStream(stream, ErrorCode.noError);
    // What still comes is for nobody. It may come for as long as a request may, and no longer.
    stream.sinceLook = this.#host.look;
    stream.consume(stream.unconsumedBytes);
  }

  #closeStream(stream: Stream, code: number): void {
    if (stream.isClosed) return;
    this.#streams.delete(stream.id);
    this.sender.forget(stream);
    stream.isRemoteEnded = true;
    stream.consume(stream.unconsumedBytes);
    stream.forget();
    const { listener } = stream;
    // The `Map` of streams copies itself now and then, and what stays behind is old garbage that names streams: not each with a whole request, until all garbage is collected.
    stream.listener = NOBODY;
    listener.closed(code);
    if (this.#streams.size === 0) this.#allEnded();
  }

  closeAll(code: number): void {
    for (const stream of this.#streams.values()) this.#closeStream(stream, code);
  }
}

function protocolError(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, text);
}

function tooMuch(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.enhanceYourCalm, `too many ${what}`);
}
