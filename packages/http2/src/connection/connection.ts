import type { Socket } from "node:net";
import { ConnectionError, ErrorCode } from "../errors.ts";
import { FrameReader } from "../frames/frame-reader.ts";
import type { FrameSink } from "../frames/frame-reader.ts";
import { DEFAULT_WINDOW_BYTES, Flag, FrameType, MAX_STREAM_ID, Setting } from "../frames/frame-types.ts";
import { HeadCache } from "../head-cache.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HeaderList } from "../hpack/header-list.ts";
import type { Http2Limits } from "../limits.ts";
import { areRegular, requestHeadOf } from "../request-head.ts";
import type { RequestHead } from "../request-head.ts";
import { Stream } from "../stream.ts";
import type { ServerStream, StreamHost, StreamListener } from "../stream.ts";
import { Allowance } from "./allowance.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { Outbox } from "./outbox.ts";
import { readSettings } from "./peer-settings.ts";
import type { SettingsListener } from "./peer-settings.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Sender } from "./sender.ts";

/** Takes a request, and says who listens to it. */
export type Accept = (stream: ServerStream, head: RequestHead) => StreamListener;

export interface ConnectionHost {
  readonly limits: Http2Limits;
  readonly accept: Accept;
  /** How often the server has looked at its connections. */
  readonly look: number;
  /** The looks in the time that a request may take, and in that of a connection without traffic. */
  readonly requestLooks: number;
  readonly idleLooks: number;
  /** A fault of ours, which has ended the connection. */
  fault(error: unknown): void;
  closed(connection: Connection): void;
}

/** So many answers to control frames may wait for a peer that does not read. */
const MAX_WAITING_ACKS = 1000;
/** So many streams of those that we have reset are known as such; what still comes for others is told that they are closed. */
const MAX_KNOWN_RESETS = 1024;
/** A peer that has been told that all is over gets so long to close its side. */
const LINGER_MS = 1000;
/** And so long to hear that no more requests are taken, should it not answer. */
const GOODBYE_MS = 500;
const GOODBYE = Buffer.from("goodbye!");

const CONTINUE = new HeaderList([":status", "100"], true);

/** One client (RFC 9113). Whatever it sends, it is answered, refused or told what is wrong; nothing is thrown. */
export class Connection implements FrameSink, StreamHost, SettingsListener {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #heads: HeadCache;
  readonly #blocks: HeaderBlocks;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #window: ReceiveWindow;
  readonly #streams = new Map<number, Stream>();
  readonly #resets = new Set<number>();
  /** Streams that end by force, and what brings nobody anything. */
  readonly #resetAllowance = new Allowance(1000, 33);
  readonly #refusalAllowance = new Allowance(1000, 100);
  readonly #uselessAllowance = new Allowance(1000, 100);
  #queuedBytes = 0;
  #unconsumedBytes = 0;
  #lastStreamId = 0;
  /** What the peer may send on a new stream; ours counts once the peer has said that it knows. */
  #streamWindow = DEFAULT_WINDOW_BYTES;
  #hasSettings = false;
  #waitingAcks = 0;
  #isClosing = false;
  /** No stream above the last one is served. */
  #isDraining = false;
  #isOver = false;
  #isGone = false;
  readonly #bornAtLook: number;
  #traffic = 0;
  #trafficAtLook: number;

  constructor(socket: Socket, host: ConnectionHost) {
    const { limits } = host;
    this.#socket = socket;
    this.#host = host;
    this.#bornAtLook = host.look;
    this.#trafficAtLook = host.look;
    this.#reader = new FrameReader(this);
    this.#decoder = new HpackDecoder(limits);
    this.#heads = new HeadCache(this.#decoder);
    this.#blocks = new HeaderBlocks(2 * limits.maxHeaderBytes);
    this.#outbox = new Outbox(socket);
    this.#sender = new Sender(this.#outbox, (stream) => this.#localEnded(stream));
    this.#window = new ReceiveWindow(limits.connectionWindowBytes);
    this.#begin();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#gone());
    socket.on("close", () => this.#gone());
    socket.on("error", () => this.#gone());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Takes no more requests, and closes once those under way are done. */
  close(): void {
    if (this.#isClosing || this.#isOver) return;
    this.#isClosing = true;
    // Requests that are on their way are served: the last one is known when the peer has heard that it should send no more (RFC 9113, 6.8).
    this.#goaway(MAX_STREAM_ID, ErrorCode.noError, "");
    this.#outbox.begin(FrameType.ping, 0, 0, GOODBYE.byteLength);
    this.#outbox.append(GOODBYE);
    setTimeout(() => this.#drain(), GOODBYE_MS).unref();
  }

  /** Called at each look of the server. */
  look(): void {
    const { look, requestLooks, idleLooks } = this.#host;
    if (this.#isOver) return;
    if (!this.#hasSettings && look - this.#bornAtLook > requestLooks) {
      return this.#fail(new ConnectionError(ErrorCode.settingsTimeout, "no SETTINGS"));
    }
    const traffic = this.#socket.bytesRead + this.#socket.bytesWritten;
    if (traffic !== this.#traffic) this.#trafficAtLook = look;
    this.#traffic = traffic;
    if (this.#streams.size === 0 && look - this.#trafficAtLook >= idleLooks) this.close();
    for (const stream of this.#streams.values()) {
      if (stream.isRemoteEnded || look - stream.sinceLook <= requestLooks) continue;
      if (stream.isLocalEnded) this.resetStream(stream, ErrorCode.cancel);
      else stream.listener.late?.();
    }
  }

  // --- what comes in

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#outbox.hold();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(error);
    }
    this.#outbox.release();
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (this.#blocks.isWithin && type !== FrameType.continuation) {
      throw protocolError("a frame within a block of headers");
    }
    if (!this.#hasSettings && type !== FrameType.settings) throw protocolError("no SETTINGS at first");
    switch (type) {
      case FrameType.data:
        return this.#data(flags, streamId, bytes, from, to);
      case FrameType.headers:
        return this.#headers(flags, streamId, bytes, from, to);
      case FrameType.priority:
        return this.#priority(streamId, to - from);
      case FrameType.rstStream:
        return this.#rstStream(streamId, bytes, from, to);
      case FrameType.settings:
        return this.#settings(flags, streamId, bytes, from, to);
      case FrameType.pushPromise:
        throw protocolError("PUSH_PROMISE of a client");
      case FrameType.ping:
        return this.#ping(flags, streamId, bytes, from, to);
      case FrameType.goaway:
        return this.#goawayReceived(streamId, bytes, from, to);
      case FrameType.windowUpdate:
        return this.#windowUpdate(streamId, bytes, from, to);
      case FrameType.continuation: {
        const whole = this.#blocks.goOn(streamId, flags, bytes.subarray(from, to));
        if (whole !== null) this.#block(whole.flags, streamId, whole.block, 0, whole.block.byteLength);
        return;
      }
      default:
        // RFC 9113, 5.5: they are for others to know.
        return this.#useless("frames of unknown types");
    }
  }

  #headers(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
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
    let head = this.#heads.find(bytes, from, to);
    let fault: number = ErrorCode.noError;
    if (head === null) {
      const changes = this.#decoder.changes;
      const fields = this.#decoder.decode(bytes, from, to);
      if (fields === null) fault = ErrorCode.enhanceYourCalm;
      else head = requestHeadOf(fields);
      if (head !== null) this.#heads.keep(bytes, from, to, changes, head);
    }
    this.#lastStreamId = streamId;
    if (this.#isDraining) return this.#refuse(streamId, ErrorCode.refusedStream);
    if (this.#streams.size >= this.#host.limits.maxConcurrentStreams) {
      return this.#refuse(streamId, ErrorCode.refusedStream);
    }
    if (head === null || (isEnd && (head.contentLength ?? 0) > 0)) {
      return this.#refuse(streamId, fault === ErrorCode.noError ? ErrorCode.protocolError : fault);
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
      this.#sender.streamWindow,
      this.#host.look,
    );
    stream.isRemoteEnded = isEnd;
    this.#streams.set(streamId, stream);
    if (head.expectsContinue && !isEnd) this.#continue(stream);
    stream.listener = this.#host.accept(stream, head);
    if (isEnd && !stream.isClosed) this.#remoteEnded(stream);
  }

  #continue(stream: Stream): void {
    const block = this.#sender.encoder.encode(CONTINUE, null);
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

  #data(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
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
    if (to - from === 0 && !isEnd) return this.#useless("frames without data");
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

  #rstStream(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(ErrorCode.frameSizeError, "RST_STREAM is of 4 bytes");
    if (streamId === 0 || streamId > this.#lastStreamId) throw protocolError("RST_STREAM of no stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    // Whoever opens and resets has us work for nothing, as often as it likes.
    this.#takeReset();
    this.#closeStream(stream, bytes.readUInt32BE(from));
  }

  #priority(streamId: number, length: number): void {
    if (streamId === 0) throw protocolError("PRIORITY without a stream");
    if (length === 5) return this.#useless("PRIORITY");
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return this.#streamError(stream, ErrorCode.frameSizeError);
    throw new ConnectionError(ErrorCode.frameSizeError, "PRIORITY is of 5 bytes");
  }

  #settings(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("SETTINGS of a stream");
    if ((flags & Flag.ack) !== 0) {
      if (to !== from) throw new ConnectionError(ErrorCode.frameSizeError, "an ACK with SETTINGS");
      if (!this.#hasSettings) throw protocolError("no SETTINGS at first");
      return this.#settingsKnown();
    }
    this.#hasSettings = true;
    readSettings(bytes, from, to, this);
    this.#countAck();
    this.#outbox.begin(FrameType.settings, Flag.ack, 0, 0);
  }

  headerTable(bytes: number): void {
    this.#sender.encoder.allow(bytes);
  }

  initialWindow(bytes: number): void {
    this.#sender.resizeStreams(bytes, this.#streams.values());
  }

  maxFrame(bytes: number): void {
    this.#sender.maxFrameBytes = bytes;
  }

  /** The peer knows our settings. Until then it may have gone by what HTTP/2 begins with. */
  #settingsKnown(): void {
    const more = this.#host.limits.streamWindowBytes - this.#streamWindow;
    this.#streamWindow += more;
    for (const stream of this.#streams.values()) stream.receiveWindow += more;
  }

  #ping(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("PING of a stream");
    if (to - from !== 8) throw new ConnectionError(ErrorCode.frameSizeError, "PING is of 8 bytes");
    if ((flags & Flag.ack) !== 0) {
      if (this.#isClosing && GOODBYE.equals(bytes.subarray(from, to))) this.#drain();
      return;
    }
    this.#countAck();
    this.#outbox.begin(FrameType.ping, Flag.ack, 0, 8);
    this.#outbox.append(bytes.subarray(from, to));
  }

  /** The peer wants no more of us: it has no more requests, or something is wrong. */
  #goawayReceived(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("GOAWAY of a stream");
    if (to - from < 8) throw new ConnectionError(ErrorCode.frameSizeError, "GOAWAY ends early");
    if (bytes.readUInt32BE(from + 4) === ErrorCode.noError) this.close();
    else this.#gone();
  }

  #windowUpdate(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(ErrorCode.frameSizeError, "WINDOW_UPDATE is of 4 bytes");
    const more = bytes.readUInt32BE(from) & 0x7fffffff;
    if (streamId === 0) {
      if (more === 0) throw protocolError("WINDOW_UPDATE of 0 bytes");
      return this.#sender.widen(more);
    }
    if (streamId > this.#lastStreamId) throw protocolError("WINDOW_UPDATE of no stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (more === 0) this.#streamError(stream, ErrorCode.protocolError);
    else if (!this.#sender.widenStream(stream, more)) this.#streamError(stream, ErrorCode.flowControlError);
  }

  #onClosed(streamId: number, what: string): void {
    if (streamId > this.#lastStreamId) throw protocolError(`${what} on a stream that is not open`);
    // It may not have heard of it.
    if (this.#resets.has(streamId)) return;
    this.#refuse(streamId, ErrorCode.streamClosed);
  }

  // --- what goes out

  send(stream: Stream): void {
    this.#sender.send(stream);
  }

  sendAtOnce(
    stream: Stream,
    headers: HeaderList,
    body: Uint8Array | null,
    trailers: HeaderList | null,
  ): boolean {
    return this.#sender.sendAtOnce(stream, headers, body, trailers);
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
    this.#widen(stream.id, stream.uncreditedBytes);
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
    if (more > 0) this.#widen(0, more);
  }

  #widen(streamId: number, bytes: number): void {
    if (this.#isOver) return;
    this.#outbox.begin(FrameType.windowUpdate, 0, streamId, 4);
    this.#outbox.appendUint32(bytes);
  }

  /** A request that is not served at all. */
  #refuse(streamId: number, code: number): void {
    if (!this.#refusalAllowance.take(performance.now())) throw tooMuch("requests that are refused");
    this.#countAck();
    this.#reset(streamId, code);
  }

  #streamError(stream: Stream, code: number): void {
    this.#takeReset();
    this.resetStream(stream, code);
  }

  #reset(streamId: number, code: number): void {
    if (this.#isOver) return;
    this.#outbox.begin(FrameType.rstStream, 0, streamId, 4);
    this.#outbox.appendUint32(code);
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

  #useless(what: string): void {
    if (!this.#uselessAllowance.take(performance.now())) throw tooMuch(what);
  }

  #countAck(): void {
    this.#waitingAcks = this.#outbox.isFull ? this.#waitingAcks + 1 : 0;
    if (this.#waitingAcks > MAX_WAITING_ACKS) throw tooMuch("answers that are not read");
  }

  #bufferedBytes(): number {
    return this.#queuedBytes + this.#unconsumedBytes + this.#outbox.waitingBytes;
  }

  #drained(): void {
    if (this.#isOver) return;
    this.#outbox.hold();
    this.#sender.sendWaiting();
    this.#outbox.release();
  }

  // --- how it begins and ends

  #begin(): void {
    const { maxConcurrentStreams, streamWindowBytes, maxHeaderBytes } = this.#host.limits;
    const settings = [
      [Setting.maxConcurrentStreams, maxConcurrentStreams],
      [Setting.initialWindowSize, streamWindowBytes],
      [Setting.maxHeaderListSize, maxHeaderBytes],
    ] as const;
    this.#outbox.begin(FrameType.settings, 0, 0, settings.length * 6);
    for (const [name, value] of settings) {
      this.#outbox.append(Uint8Array.of(0, name));
      this.#outbox.appendUint32(value);
    }
    const more = this.#window.open();
    if (more > 0) this.#widen(0, more);
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
    this.#sender.forget(stream);
    stream.isRemoteEnded = true;
    stream.consume(stream.unconsumedBytes);
    stream.forget();
    stream.listener.closed(code);
    if (this.#isDraining && this.#streams.size === 0) this.#finish();
  }

  /** The last request has come. */
  #drain(): void {
    if (this.#isDraining || this.#isOver) return;
    this.#isDraining = true;
    this.#goaway(this.#lastStreamId, ErrorCode.noError, "");
    if (this.#streams.size === 0) this.#finish();
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return;
    const isPeers = reason instanceof ConnectionError;
    const { code, message } = isPeers ? reason : { code: ErrorCode.internalError, message: "internal error" };
    this.#goaway(this.#lastStreamId, code, message);
    this.#finish();
    this.#closeStreams(code);
    if (!isPeers) this.#host.fault(reason);
  }

  #goaway(lastStreamId: number, code: number, text: string): void {
    const bytes = Buffer.from(text);
    this.#outbox.begin(FrameType.goaway, 0, 0, 8 + bytes.byteLength);
    this.#outbox.appendUint32(lastStreamId);
    this.#outbox.appendUint32(code);
    this.#outbox.append(bytes);
  }

  /** Sends what there is and closes. Closing at once would have the operating system discard what the peer has not read, as soon as it sends more. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outbox.flush();
    this.#socket.end();
    this.#destroyLater();
  }

  #destroyLater(): void {
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** The connection has ended, or the peer has told us that it has. */
  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#isOver = true;
    this.#outbox.flush();
    this.#closeStreams(ErrorCode.cancel);
    this.#socket.destroySoon();
    if (!this.#socket.destroyed) this.#destroyLater();
    this.#host.closed(this);
  }

  #closeStreams(code: number): void {
    for (const stream of this.#streams.values()) this.#closeStream(stream, code);
  }
}

function protocolError(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, text);
}

function tooMuch(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.enhanceYourCalm, `too many ${what}`);
}
