import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { HeaderList, Http2Server } from "@eraft/http2";
import type { Accept, Http2Limits } from "@eraft/http2";
import { FrameType, PREFACE } from "../src/frames/frame-types.ts";
import { HpackDecoder } from "../src/hpack/decoder.ts";
import { HpackEncoder } from "../src/hpack/encoder.ts";

export const LIMITS: Http2Limits = {
  maxConcurrentStreams: 100,
  maxHeaderBytes: 16 * 1024,
  maxHeaderPairs: 64,
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 8 * 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 600_000,
};

export const OK: HeaderList = new HeaderList([":status", "200"], true);
export const TRAILERS: HeaderList = new HeaderList(["grpc-status", "0"], true);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** A frame, as bytes. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.byteLength, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

export function settings(...pairs: readonly (readonly [name: number, value: number])[]): Buffer {
  const payload = pairs.map(([name, value]) => Buffer.concat([Uint8Array.of(0, name), uint32(value)]));
  return frame(FrameType.settings, 0, 0, Buffer.concat(payload));
}

export const POST: readonly string[] = [
  ":method",
  "POST",
  ":scheme",
  "http",
  ":path",
  "/",
  ":authority",
  "a",
];

/** A block that stands for itself, whatever came before. */
export function block(fields: readonly string[]): Buffer {
  const bytes: number[] = [];
  for (const [i, text] of fields.entries()) {
    if (i % 2 === 0) bytes.push(0);
    if (text.length > 126) throw new Error("too long for this");
    bytes.push(text.length, ...Buffer.from(text, "latin1"));
  }
  return Buffer.from(bytes);
}

export const request = (id: number, flags = 5, fields = POST): Buffer =>
  frame(FrameType.headers, flags, id, block(fields));

export const PREFACE_ONLY: Buffer = PREFACE;
export const BEGIN: Buffer = Buffer.concat([PREFACE, settings()]);

/** A server whose requests are handled as the test says, by default answered once they have ended; and the port where it is. */
export async function startServer(accept: Accept = answerAtEnd, limits: Partial<Http2Limits> = {}) {
  const faults: unknown[] = [];
  const sockets = new Set<Socket>();
  const http2 = new Http2Server({
    limits: { ...LIMITS, ...limits },
    accept,
    fault: (error) => faults.push(error),
  });
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    http2.serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    http2,
    port,
    faults,
    sockets,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const answerAtEnd: Accept = (stream) => ({
  data() {},
  end: () => stream.answer(OK, Buffer.from("hello"), TRAILERS),
  closed() {},
});

/** Speaks HTTP/2 byte by byte. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder({ maxHeaderBytes: 1_000_000, maxHeaderPairs: 1000 });
  #held = Buffer.alloc(0);
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1").setNoDelay();
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.socket.on("close", () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The first frame like that, now or later; null if the connection ends without it. */
  async find(isIt: (frame: Frame) => boolean): Promise<Frame | null> {
    for (;;) {
      const found = this.frames.find(isIt);
      if (found !== undefined) return found;
      if (this.#isClosed) return null;
      await this.#more();
    }
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#more();
  }

  /** Once the server has read all that was sent before, and answered. */
  async settled(): Promise<void> {
    const mark = Buffer.from(`mark${String(this.frames.length).padStart(4, "0")}`.slice(0, 8));
    this.send(frame(FrameType.ping, 0, 0, mark));
    await this.find(
      ({ type, flags, payload }) => type === FrameType.ping && flags === 1 && payload.equals(mark),
    );
  }

  /** The code with which the connection ended; null for none. */
  async goaway(): Promise<number | null> {
    const found = await this.find(({ type }) => type === FrameType.goaway);
    return found === null ? null : found.payload.readUInt32BE(4);
  }

  /** The code with which a stream was reset. */
  async reset(id: number): Promise<number | null> {
    const found = await this.find((frame) => frame.type === FrameType.rstStream && frame.id === id);
    return found === null ? null : found.payload.readUInt32BE(0);
  }

  /** All of an answer, once it has ended. */
  async answer(id: number): Promise<{ readonly headers: readonly string[]; readonly body: string }> {
    await this.find((frame) => frame.id === id && frame.type <= 1 && (frame.flags & 1) === 1);
    const own = this.frames.filter((frame) => frame.id === id);
    const headers = own.filter(({ type }) => type === FrameType.headers);
    const data = own.filter(({ type }) => type === FrameType.data).map(({ payload }) => payload);
    return {
      headers: headers.flatMap((frame) => this.fields.get(frame) ?? []),
      body: Buffer.concat(data).toString(),
    };
  }

  /** What the blocks of headers said. */
  readonly fields = new Map<Frame, readonly string[]>();

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #receive(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.byteLength >= 9) {
      const end = 9 + this.#held.readUIntBE(0, 3);
      if (this.#held.byteLength < end) break;
      const frame: Frame = {
        type: this.#held[3] ?? 0,
        flags: this.#held[4] ?? 0,
        id: this.#held.readUInt32BE(5),
        payload: this.#held.subarray(9, end),
      };
      if (frame.type === FrameType.headers) {
        this.fields.set(frame, this.#decoder.decode(frame.payload, 0, frame.payload.byteLength) ?? []);
      }
      this.frames.push(frame);
      this.#held = this.#held.subarray(end);
    }
    this.#wake?.();
  }
}
