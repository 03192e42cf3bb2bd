import type { Socket } from "node:net";
import { ConnectionError, ErrorCode } from "../errors.ts";
import { FrameReader } from "../frames/frame-reader.ts";
import type { FrameSink } from "../frames/frame-reader.ts";
import { Flag, FrameType, MAX_STREAM_ID } from "../frames/frame-types.ts";
import type { ConnectionHost } from "./connection-host.ts";
import { ControlFrames } from "./control-frames.ts";
import { Outbox } from "./outbox.ts";
import { readSettings } from "./peer-settings.ts";
import type { SettingsListener } from "./peer-settings.ts";
import { Requests } from "./requests.ts";

/** A peer that has been told that all is over gets so long to close its side. */
const LINGER_MS = 1000;
/** And so long to hear that no more requests are taken, should it not answer. */
const GOODBYE_MS = 500;
const GOODBYE = Buffer.from("goodbye!");

/** One client (RFC 9113). Whatever it sends, it is answered, refused or told what is wrong; nothing is thrown. */
export class Connection implements FrameSink, SettingsListener {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #closed: (connection: Connection) => void;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #control: ControlFrames;
  readonly #requests: Requests;
  #hasSettings = false;
  #isClosing = false;
  #isOver = false;
  #isGone = false;
  readonly #bornAtLook: number;
  #traffic = 0;
  #trafficAtLook: number;

  /** `closed`: called once, when nothing comes any more. */
  constructor(socket: Socket, host: ConnectionHost, closed: (connection: Connection) => void) {
    this.#socket = socket;
    this.#host = host;
    this.#closed = closed;
    this.#bornAtLook = host.look;
    this.#trafficAtLook = host.look;
    this.#reader = new FrameReader(this);
    this.#outbox = new Outbox(socket);
    this.#control = new ControlFrames(this.#outbox);
    this.#control.settings(host.limits);
    this.#requests = new Requests(host, this.#outbox, this.#control, () => {
      if (this.#requests.isDraining) this.#finish();
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#gone());
    socket.on("close", () => this.#gone());
    socket.on("error", () => this.#gone());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes no more requests, and closes once those under way are done. */
  close(): void {
    if (this.#isClosing || this.#isOver) return;
    this.#isClosing = true;
    // Requests that are on their way are served: the last one is known when the peer has heard that it should send no more (RFC 9113, 6.8).
    this.#control.goaway(MAX_STREAM_ID, ErrorCode.noError);
    this.#control.ping(GOODBYE);
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
    if (this.#requests.count === 0 && look - this.#trafficAtLook >= idleLooks) this.close();
    this.#requests.look();
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
    if (this.#requests.isWithinBlock && type !== FrameType.continuation) {
      throw protocolError("a frame within a block of headers");
    }
    if (!this.#hasSettings && type !== FrameType.settings) throw protocolError("no SETTINGS at first");
    switch (type) {
      case FrameType.data:
        return this.#requests.data(flags, streamId, bytes, from, to);
      case FrameType.headers:
        return this.#requests.headers(flags, streamId, bytes, from, to);
      case FrameType.priority:
        return this.#requests.priority(streamId, to - from);
      case FrameType.rstStream:
        return this.#requests.rstStream(streamId, bytes, from, to);
      case FrameType.settings:
        return this.#settings(flags, streamId, bytes, from, to);
      case FrameType.pushPromise:
        throw protocolError("PUSH_PROMISE of a client");
      case FrameType.ping:
        return this.#ping(flags, streamId, bytes, from, to);
      case FrameType.goaway:
        return this.#goawayReceived(streamId, bytes, from, to);
      case FrameType.windowUpdate:
        return this.#requests.windowUpdate(streamId, bytes, from, to);
      case FrameType.continuation:
        return this.#requests.continuation(flags, streamId, bytes, from, to);
      default:
        // RFC 9113, 5.5: they are for others to know.
        return this.#requests.useless("frames of unknown types");
    }
  }

  #settings(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("SETTINGS of a stream");
    if ((flags & Flag.ack) !== 0) {
      if (to !== from) throw new ConnectionError(ErrorCode.frameSizeError, "an ACK with SETTINGS");
      if (!this.#hasSettings) throw protocolError("no SETTINGS at first");
      return this.#requests.settingsKnown();
    }
    this.#hasSettings = true;
    readSettings(bytes, from, to, this);
    this.#control.settingsAck();
  }

  headerTable(bytes: number): void {
    this.#requests.sender.encoder.allow(bytes);
  }

  initialWindow(bytes: number): void {
    this.#requests.initialWindow(bytes);
  }

  maxFrame(bytes: number): void {
    this.#requests.sender.maxFrameBytes = bytes;
  }

  #ping(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("PING of a stream");
    if (to - from !== 8) throw new ConnectionError(ErrorCode.frameSizeError, "PING is of 8 bytes");
    if ((flags & Flag.ack) !== 0) {
      if (this.#isClosing && GOODBYE.equals(bytes.subarray(from, to))) this.#drain();
      return;
    }
    this.#control.pingAck(bytes.subarray(from, to));
  }

  /** The peer wants no more of us: it has no more requests, or something is wrong. */
  #goawayReceived(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw protocolError("GOAWAY of a stream");
    if (to - from < 8) throw new ConnectionError(ErrorCode.frameSizeError, "GOAWAY ends early");
    if (bytes.readUInt32BE(from + 4) === ErrorCode.noError) this.close();
    else this.#gone();
  }

  #drained(): void {
    if (this.#isOver) return;
    this.#outbox.hold();
    this.#requests.sender.sendWaiting();
    this.#outbox.release();
  }

  // --- how it begins and ends

  /** The last request has come. */
  #drain(): void {
    if (this.#requests.isDraining || this.#isOver) return;
    this.#requests.isDraining = true;
    this.#control.goaway(this.#requests.lastStreamId, ErrorCode.noError);
    if (this.#requests.count === 0) this.#finish();
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return;
    const isPeers = reason instanceof ConnectionError;
    const { code, message } = isPeers ? reason : { code: ErrorCode.internalError, message: "internal error" };
    this.#control.goaway(this.#requests.lastStreamId, code, message);
    this.#finish();
    this.#requests.closeAll(code);
    if (!isPeers) this.#host.fault(reason);
  }

  /** Sends what there is and closes. Closing at once would have the operating system discard what the peer has not read, as soon as it sends more. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#control.isSilent = true;
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
    this.#control.isSilent = true;
    this.#outbox.flush();
    this.#requests.closeAll(ErrorCode.cancel);
    this.#socket.destroySoon();
    if (!this.#socket.destroyed) this.#destroyLater();
    this.#closed(this);
  }
}

function protocolError(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, text);
}
