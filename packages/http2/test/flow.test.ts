import { once } from "node:events";
import { connect } from "node:http2";
import { ErrorCode } from "@eraft/http2";
import type { ServerStream } from "@eraft/http2";
import { afterEach, describe, expect, test } from "vitest";
import { FrameType } from "../src/frames/frame-types.ts";
import {
  answerAtEnd,
  BEGIN,
  frame,
  OK,
  RawClient,
  request,
  settings,
  startServer,
  TRAILERS,
  uint32,
} from "./raw-client.ts";

type Server = Awaited<ReturnType<typeof startServer>>;

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function start(...options: Parameters<typeof startServer>): Promise<Server> {
  const server = await startServer(...options);
  cleanups.push(server.stop);
  return server;
}

const { data, goaway, ping, rstStream, windowUpdate } = FrameType;
const MIB = 1024 * 1024;

/** Bytes of DATA that have come. */
const received = (client: RawClient, id: number) =>
  client.frames
    .filter((frame) => frame.type === data && frame.id === id)
    .reduce((sum, { payload }) => sum + payload.byteLength, 0);

describe("an answer", () => {
  const bytes = Buffer.from("0123456789".repeat(10));
  const answer = (stream: ServerStream) => stream.answer(OK, bytes, TRAILERS);
  const accept = (stream: ServerStream) => ({ data() {}, end: () => answer(stream), closed() {} });

  test("waits for the window of its stream, and goes on as that is widened", async () => {
    const { port } = await start(accept);
    const client = new RawClient(port);
    client.send(BEGIN, settings([4, 30]), request(1));
    await client.settled();
    expect(received(client, 1)).toBe(30);
    client.send(frame(windowUpdate, 0, 1, uint32(7)));
    await client.settled();
    expect(received(client, 1)).toBe(37);
    // A first window that is smaller leaves less than nothing (RFC 9113, 6.9.2).
    client.send(settings([4, 10]), frame(windowUpdate, 0, 1, uint32(15)));
    await client.settled();
    expect(received(client, 1)).toBe(37);
    client.send(settings([4, 100]));
    expect((await client.answer(1)).body).toBe(bytes.toString());
  });

  test("waits for the window of the connection, beside others that have room", async () => {
    const large = Buffer.alloc(60_000, "x");
    const { port } = await start((stream) => ({
      data() {},
      end: () => stream.answer(OK, stream.id === 5 ? null : large, TRAILERS),
      closed() {},
    }));
    const client = new RawClient(port);
    client.send(BEGIN, request(1), request(3), request(5));
    await client.answer(5);
    await client.settled();
    expect(received(client, 1) + received(client, 3)).toBe(65_535);
    client.send(frame(windowUpdate, 0, 0, uint32(100_000)));
    expect((await client.answer(1)).body).toBe(large.toString());
    expect((await client.answer(3)).body).toBe(large.toString());
  });

  test("of 64 MiB arrives whole at Node's client, and so does its request", async () => {
    const { port } = await start((stream) => ({
      data: (chunk) => {
        if (!stream.isAnswered) stream.respond(OK);
        stream.write(Buffer.from(chunk));
      },
      end: () => stream.end(TRAILERS),
      closed() {},
    }));
    // Node would break its own request off, with ENHANCE_YOUR_CALM, if it had more to send than 10 MB.
    const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 });
    cleanups.push(() => session.destroy());
    const stream = session.request({ ":method": "POST" });
    const sent = Buffer.alloc(64 * MIB);
    for (let i = 0; i < sent.byteLength; i += 4) sent.writeUInt32LE(i, i);
    stream.end(sent);
    let at = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      expect(chunk.equals(sent.subarray(at, at + chunk.byteLength))).toBe(true);
      at += chunk.byteLength;
    }
    expect(at).toBe(sent.byteLength);
  });

  test("tells when all of it has left", async () => {
    const { promise: drained, resolve } = Promise.withResolvers<number>();
    const { port } = await start((stream) => ({
      data() {},
      end: () => {
        stream.respond(OK);
        stream.write(Buffer.alloc(100_000));
      },
      drained: () => resolve(stream.queuedBytes),
      closed() {},
    }));
    const client = new RawClient(port);
    client.send(BEGIN, request(1));
    await client.settled();
    expect(received(client, 1)).toBe(65_535);
    client.send(frame(windowUpdate, 0, 1, uint32(100_000)), frame(windowUpdate, 0, 0, uint32(100_000)));
    expect(await drained).toBe(0);
  });

  test("to HEAD has no body", async () => {
    const { port } = await start(accept);
    const client = new RawClient(port);
    client.send(BEGIN, request(1, 5, [":method", "HEAD", ":scheme", "http", ":path", "/"]));
    expect(await client.answer(1)).toMatchObject({ body: "" });
    expect(client.frames.some(({ id, type }) => id === 1 && type === data)).toBe(false);
  });
});

const chunk = (id: number) => frame(data, 0, id, Buffer.alloc(10_000));

describe("a request", () => {
  test("may fill the windows that were given, and not more", async () => {
    const { port } = await start(
      (stream) => {
        stream.isByHand = true;
        return { data() {}, end() {}, closed() {} };
      },
      { streamWindowBytes: 100_000, connectionWindowBytes: 150_000 },
    );
    const client = new RawClient(port);
    client.send(BEGIN, frame(4, 1, 0), request(1, 4), request(3, 4));
    for (let i = 0; i < 10; i += 1) client.send(chunk(1));
    client.send(chunk(1));
    expect(await client.reset(1)).toBe(ErrorCode.flowControlError);
    for (let i = 0; i < 10; i += 1) client.send(chunk(3));
    await client.settled();
    // What was for the first one counts as read, now that it is over.
    for (let i = 0; i < 4; i += 1) client.send(frame(data, 0, 1, Buffer.alloc(10_000)));
    await client.settled();
    expect(client.frames.some(({ type }) => type === goaway)).toBe(false);
  });

  test("beyond the window of the connection ends it", async () => {
    const { port } = await start(
      (stream) => {
        stream.isByHand = true;
        return { data() {}, end() {}, closed() {} };
      },
      { streamWindowBytes: 100_000, connectionWindowBytes: 70_000 },
    );
    const client = new RawClient(port);
    client.send(BEGIN, frame(4, 1, 0), request(1, 4));
    for (let i = 0; i < 8; i += 1) client.send(frame(data, 0, 1, Buffer.alloc(10_000)));
    expect(await client.goaway()).toBe(ErrorCode.flowControlError);
  });

  test("may go on once what it sent is read", async () => {
    const streams: ServerStream[] = [];
    const { port } = await start(
      (stream) => {
        stream.isByHand = true;
        streams.push(stream);
        return { data() {}, end() {}, closed() {} };
      },
      { streamWindowBytes: 100_000, connectionWindowBytes: 100_000 },
    );
    const client = new RawClient(port);
    client.send(BEGIN, frame(4, 1, 0), request(1, 4));
    for (let i = 0; i < 6; i += 1) client.send(frame(data, 0, 1, Buffer.alloc(10_000)));
    await client.settled();
    const widened = () => client.frames.filter((frame) => frame.type === windowUpdate && frame.id === 1);
    expect(widened()).toEqual([]);
    streams[0]?.consume(60_000);
    const update = await client.find((frame) => frame.type === windowUpdate && frame.id === 1);
    expect(update?.payload.readUInt32BE(0)).toBe(60_000);
  });

  test("is refused above so many at a time, and the next one is served", async () => {
    const streams: ServerStream[] = [];
    const { port } = await start(
      (stream) => {
        streams.push(stream);
        return { data() {}, end() {}, closed() {} };
      },
      { maxConcurrentStreams: 2 },
    );
    const client = new RawClient(port);
    client.send(BEGIN, request(1), request(3), request(5));
    expect(await client.reset(5)).toBe(ErrorCode.refusedStream);
    for (const stream of streams) stream.answer(OK, null, null);
    client.send(request(7));
    await client.settled();
    expect(streams.map(({ id }) => id)).toEqual([1, 3, 7]);
  });

  test("that the client waits to send is asked for", async () => {
    const { port } = await start(answerAtEnd);
    const session = connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({ ":method": "POST", expect: "100-continue" });
    await once(stream, "continue");
    stream.end("x");
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(200);
  });
});

describe("a client that does not read", () => {
  test("has its requests refused once too much waits for it, and costs no more", async () => {
    const body = Buffer.alloc(MIB);
    const { port, sockets } = await start(
      (stream) => ({ data() {}, end: () => stream.answer(OK, body, null), closed() {} }),
      { maxBufferedBytes: 8 * MIB },
    );
    const client = new RawClient(port);
    client.send(BEGIN, settings([4, 0x7fffffff]), frame(windowUpdate, 0, 0, uint32(0x7fff0000 - 65_535)));
    await client.settled();
    client.socket.pause();
    for (let id = 1; id < 200; id += 2) client.send(request(id));
    // Until the server has read all of that.
    const [socket] = sockets;
    await until(() => socket !== undefined && socket.bytesRead === client.socket.bytesWritten);
    expect(socket?.writableLength).toBeLessThan(MIB / 4);
    client.socket.resume();
    const refused = await client.find(({ type }) => type === rstStream);
    expect(refused?.payload.readUInt32BE(0)).toBe(ErrorCode.enhanceYourCalm);
    expect((await client.answer(1)).body.length).toBe(MIB);
  });

  test("and has us answer its pings is left", async () => {
    const { port, sockets } = await start((stream) => ({
      data() {},
      end: () => stream.answer(OK, Buffer.alloc(16 * MIB), null),
      closed() {},
    }));
    const client = new RawClient(port);
    client.send(
      BEGIN,
      settings([4, 0x7fffffff]),
      frame(windowUpdate, 0, 0, uint32(0x7fff0000 - 65_535)),
      request(1),
    );
    client.socket.pause();
    await until(() => [...sockets].some(({ writableNeedDrain }) => writableNeedDrain));
    const pings = Buffer.concat(Array.from({ length: 1100 }, () => frame(ping, 0, 0, Buffer.alloc(8))));
    client.send(pings);
    client.socket.resume();
    expect(await client.goaway()).toBe(ErrorCode.enhanceYourCalm);
  });
});

describe("a client has had enough that", () => {
  test.for<[what: string, make: (i: number) => Buffer]>([
    [
      "opens and resets requests",
      (i) => Buffer.concat([request(2 * i + 1, 4), frame(rstStream, 0, 2 * i + 1, uint32(8))]),
    ],
    [
      "sends faulty requests",
      (i) => Buffer.concat([request(2 * i + 1, 4), frame(windowUpdate, 0, 2 * i + 1, uint32(0))]),
    ],
    ["sends requests that are refused", (i) => request(2 * i + 1, 5, ["a", "b"])],
    ["sends DATA without data", (i) => (i === 0 ? request(1, 4) : frame(data, 0, 1))],
    ["sends frames that nobody knows", () => frame(200, 0, 0)],
    ["sends priorities", () => frame(2, 0, 1, Buffer.alloc(5))],
  ])("%s", async ([, make]) => {
    const { port, faults } = await start((_stream) => ({ data() {}, end() {}, closed() {} }));
    const client = new RawClient(port);
    client.send(BEGIN, ...Array.from({ length: 1500 }, (_, i) => make(i)));
    expect(await client.goaway()).toBe(ErrorCode.enhanceYourCalm);
    expect(faults).toEqual([]);
  });

  test.for<[what: string, part: Buffer]>([
    ["sends headers without end", Buffer.alloc(16_000, 0x82)],
    ["sends empty headers without end", Buffer.alloc(0)],
  ])("%s", async ([, part]) => {
    const { port } = await start();
    const client = new RawClient(port);
    client.send(BEGIN, frame(1, 1, 1, part), ...Array.from({ length: 50 }, () => frame(9, 0, 1, part)));
    expect(await client.goaway()).toBe(ErrorCode.enhanceYourCalm);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}
