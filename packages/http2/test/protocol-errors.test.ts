import { ErrorCode } from "@eraft/http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FrameType, PREFACE } from "../src/frames/frame-types.ts";
import {
  answerAtEnd,
  BEGIN,
  block,
  frame,
  POST,
  RawClient,
  request,
  settings,
  startServer,
  uint32,
} from "./raw-client.ts";

let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

const { data, headers, priority, rstStream, goaway, ping, windowUpdate, continuation, pushPromise } =
  FrameType;
const bytes = (length: number) => Buffer.alloc(length);

describe("the connection ends, with the code that RFC 9113 names, after", () => {
  test.for<[what: string, code: number, ...parts: Buffer[]]>([
    [
      "3.4 another preface",
      ErrorCode.protocolError,
      Buffer.from("PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"),
      settings(),
    ],
    ["3.4 a preface without SETTINGS", ErrorCode.protocolError, PREFACE, request(1)],
    ["3.4 an ACK instead of SETTINGS", ErrorCode.protocolError, PREFACE, frame(4, 1, 0)],
    [
      "4.2 a frame above 16 KiB, before it is there",
      ErrorCode.frameSizeError,
      BEGIN,
      Buffer.from("004001c80000000000", "hex"),
    ],
    [
      "4.3 a block that cannot be decoded",
      ErrorCode.compressionError,
      BEGIN,
      frame(headers, 5, 1, Buffer.from("80", "hex")),
    ],
    [
      "4.3 trailers that cannot be decoded",
      ErrorCode.compressionError,
      BEGIN,
      request(1, 4),
      frame(headers, 5, 1, Buffer.from("be", "hex")),
    ],
    ["5.1 DATA on an idle stream", ErrorCode.protocolError, BEGIN, frame(data, 0, 1, bytes(3))],
    ["5.1 RST_STREAM on an idle stream", ErrorCode.protocolError, BEGIN, frame(rstStream, 0, 1, uint32(8))],
    [
      "5.1 WINDOW_UPDATE on an idle stream",
      ErrorCode.protocolError,
      BEGIN,
      frame(windowUpdate, 0, 1, uint32(8)),
    ],
    ["5.1 HEADERS on a stream that is over", ErrorCode.streamClosed, BEGIN, request(1), request(1)],
    ["5.1.1 a stream with an even number", ErrorCode.protocolError, BEGIN, request(2)],
    ["5.1.1 a stream with a smaller number", ErrorCode.streamClosed, BEGIN, request(5), request(3)],
    ["6.1 DATA without a stream", ErrorCode.protocolError, BEGIN, frame(data, 0, 0, bytes(3))],
    [
      "6.1 more padding than DATA",
      ErrorCode.protocolError,
      BEGIN,
      request(1, 4),
      frame(data, 8, 1, Uint8Array.of(5, 1, 2)),
    ],
    ["6.2 HEADERS without a stream", ErrorCode.protocolError, BEGIN, request(0)],
    [
      "6.2 more padding than HEADERS",
      ErrorCode.protocolError,
      BEGIN,
      frame(headers, 13, 1, Uint8Array.of(9, 0x82)),
    ],
    [
      "6.2 HEADERS too short for its priority",
      ErrorCode.frameSizeError,
      BEGIN,
      frame(headers, 0x25, 1, bytes(3)),
    ],
    ["6.3 PRIORITY without a stream", ErrorCode.protocolError, BEGIN, frame(priority, 0, 0, bytes(5))],
    [
      "6.3 PRIORITY of 4 bytes on an idle stream",
      ErrorCode.frameSizeError,
      BEGIN,
      frame(priority, 0, 1, bytes(4)),
    ],
    ["6.4 RST_STREAM without a stream", ErrorCode.protocolError, BEGIN, frame(rstStream, 0, 0, uint32(8))],
    [
      "6.4 RST_STREAM of 3 bytes",
      ErrorCode.frameSizeError,
      BEGIN,
      request(1, 4),
      frame(rstStream, 0, 1, bytes(3)),
    ],
    ["6.5 SETTINGS of a stream", ErrorCode.protocolError, BEGIN, frame(4, 0, 1)],
    ["6.5 SETTINGS of 5 bytes", ErrorCode.frameSizeError, BEGIN, frame(4, 0, 0, bytes(5))],
    ["6.5 an ACK with something in it", ErrorCode.frameSizeError, BEGIN, frame(4, 1, 0, bytes(6))],
    ["6.5.2 ENABLE_PUSH 2", ErrorCode.protocolError, BEGIN, settings([2, 2])],
    ["6.5.2 a window above 2^31 - 1", ErrorCode.flowControlError, BEGIN, settings([4, 0x80000000])],
    ["6.5.2 frames below 16 KiB", ErrorCode.protocolError, BEGIN, settings([5, 16_383])],
    ["6.5.2 frames above 16 MiB", ErrorCode.protocolError, BEGIN, settings([5, 0x1000000])],
    ["6.6 PUSH_PROMISE", ErrorCode.protocolError, BEGIN, frame(pushPromise, 4, 1, uint32(2))],
    ["6.7 PING of a stream", ErrorCode.protocolError, BEGIN, frame(ping, 0, 1, bytes(8))],
    ["6.7 PING of 7 bytes", ErrorCode.frameSizeError, BEGIN, frame(ping, 0, 0, bytes(7))],
    ["6.8 GOAWAY of a stream", ErrorCode.protocolError, BEGIN, frame(goaway, 0, 1, bytes(8))],
    ["6.8 GOAWAY of 7 bytes", ErrorCode.frameSizeError, BEGIN, frame(goaway, 0, 0, bytes(7))],
    ["6.9 WINDOW_UPDATE of 3 bytes", ErrorCode.frameSizeError, BEGIN, frame(windowUpdate, 0, 0, bytes(3))],
    ["6.9 WINDOW_UPDATE of nothing", ErrorCode.protocolError, BEGIN, frame(windowUpdate, 0, 0, uint32(0))],
    [
      "6.9.1 a window above 2^31 - 1",
      ErrorCode.flowControlError,
      BEGIN,
      frame(windowUpdate, 0, 0, uint32(0x7fffffff)),
    ],
    [
      "6.9.2 a first window that makes one of a stream too wide",
      ErrorCode.flowControlError,
      BEGIN,
      request(1, 4),
      frame(windowUpdate, 0, 1, uint32(0x7fff0000)),
      settings([4, 0x7fffffff]),
    ],
    ["6.10 CONTINUATION of nothing", ErrorCode.protocolError, BEGIN, frame(continuation, 4, 1, bytes(1))],
    [
      "6.10 CONTINUATION of another stream",
      ErrorCode.protocolError,
      BEGIN,
      request(1, 1),
      frame(continuation, 4, 3, bytes(1)),
    ],
    [
      "6.10 another frame within a block",
      ErrorCode.protocolError,
      BEGIN,
      request(1, 1),
      frame(ping, 0, 0, bytes(8)),
    ],
    [
      "6.10 an unknown frame within a block",
      ErrorCode.protocolError,
      BEGIN,
      request(1, 1),
      frame(200, 0, 0, bytes(8)),
    ],
  ])("%s", async ([, code, ...parts]) => {
    const client = new RawClient(server.port);
    client.send(...parts);
    expect(await client.goaway()).toBe(code);
    client.socket.end();
    await client.closed();
    expect(server.faults).toEqual([]);
  });
});

const without = (name: string) => {
  const at = POST.indexOf(name);
  return POST.toSpliced(at, 2);
};

describe("the stream ends, with its code, and the connection goes on, after", () => {
  test.for<[what: string, code: number, ...parts: Buffer[]]>([
    ["5.1 DATA after its end", ErrorCode.streamClosed, request(3, 5), frame(data, 0, 3, bytes(3))],
    ["6.3 PRIORITY of 4 bytes", ErrorCode.frameSizeError, request(3, 4), frame(priority, 0, 3, bytes(4))],
    [
      "6.9 WINDOW_UPDATE of nothing",
      ErrorCode.protocolError,
      request(3, 4),
      frame(windowUpdate, 0, 3, uint32(0)),
    ],
    [
      "6.9.1 a window above 2^31 - 1",
      ErrorCode.flowControlError,
      request(3, 4),
      frame(windowUpdate, 0, 3, uint32(0x7fffffff)),
    ],
    ["8.1 HEADERS that are no trailers", ErrorCode.protocolError, request(3, 4), request(3, 4)],
    ["8.1 trailers with a pseudo-header", ErrorCode.protocolError, request(3, 4), request(3, 5)],
    [
      "8.1.1 more bytes than content-length",
      ErrorCode.protocolError,
      request(3, 4, [...POST, "content-length", "2"]),
      frame(data, 0, 3, bytes(3)),
    ],
    [
      "8.1.1 fewer bytes than content-length",
      ErrorCode.protocolError,
      request(3, 4, [...POST, "content-length", "4"]),
      frame(data, 1, 3, bytes(3)),
    ],
    [
      "8.1.1 no bytes where content-length says some",
      ErrorCode.protocolError,
      request(3, 5, [...POST, "content-length", "4"]),
    ],
    [
      "8.1.1 a content-length that is none",
      ErrorCode.protocolError,
      request(3, 5, [...POST, "content-length", "x"]),
    ],
    [
      "8.1.1 two of them",
      ErrorCode.protocolError,
      request(3, 5, [...POST, "content-length", "0", "content-length", "0"]),
    ],
    ["8.2.1 a name in capitals", ErrorCode.protocolError, request(3, 5, [...POST, "X-A", "b"])],
    ["8.2.1 no name", ErrorCode.protocolError, request(3, 5, [...POST, "", "b"])],
    ["8.2.1 a line break in a value", ErrorCode.protocolError, request(3, 5, [...POST, "a", "b\r\nc"])],
    ["8.2.1 white space around a value", ErrorCode.protocolError, request(3, 5, [...POST, "a", " b"])],
    [
      "8.2.2 a header about the connection",
      ErrorCode.protocolError,
      request(3, 5, [...POST, "connection", "close"]),
    ],
    [
      "8.2.2 te with something else than trailers",
      ErrorCode.protocolError,
      request(3, 5, [...POST, "te", "gzip"]),
    ],
    ["8.3 a pseudo-header that nobody knows", ErrorCode.protocolError, request(3, 5, [":x", "1", ...POST])],
    ["8.3 one of answers", ErrorCode.protocolError, request(3, 5, [":status", "200", ...POST])],
    ["8.3 one after others", ErrorCode.protocolError, request(3, 5, ["a", "b", ...POST])],
    ["8.3 one twice", ErrorCode.protocolError, request(3, 5, [":path", "/", ...POST])],
    ["8.3.1 no method", ErrorCode.protocolError, request(3, 5, without(":method"))],
    ["8.3.1 no scheme", ErrorCode.protocolError, request(3, 5, without(":scheme"))],
    ["8.3.1 no path", ErrorCode.protocolError, request(3, 5, without(":path"))],
    ["8.3.1 an empty path", ErrorCode.protocolError, request(3, 5, [...without(":path"), ":path", ""])],
    [
      "6.5.2 too many headers",
      ErrorCode.enhanceYourCalm,
      request(3, 5, [...POST, ...Array.from({ length: 130 }, () => "a")]),
    ],
    [
      "6.5.2 too long headers",
      ErrorCode.enhanceYourCalm,
      frame(
        headers,
        5,
        3,
        Buffer.concat([
          block(POST),
          ...Array.from({ length: 300 }, () => Buffer.concat([block(["a", "b".repeat(45)])])),
        ]),
      ),
    ],
  ])("%s", async ([, code, ...parts]) => {
    const silent = await startServer((stream, head) =>
      stream.id === 3 ? { data() {}, end() {}, closed() {} } : answerAtEnd(stream, head),
    );
    const client = new RawClient(silent.port);
    client.send(BEGIN, ...parts);
    expect(await client.reset(3)).toBe(code);
    client.send(request(5));
    expect((await client.answer(5)).body).toBe("hello");
    expect(client.frames.some(({ type }) => type === goaway)).toBe(false);
    expect(silent.faults).toEqual([]);
    silent.stop();
  });
});

describe("nothing happens after", () => {
  test.for<[what: string, ...parts: Buffer[]]>([
    ["4.1 frames of unknown types", frame(200, 255, 7, bytes(100))],
    ["4.1 the bit that is reserved", Buffer.from("00000806008000000000000000000000aa", "hex")],
    ["5.3 PRIORITY on an idle stream", frame(priority, 0, 99, bytes(5))],
    ["6.1 DATA without bytes", request(1, 4), frame(data, 0, 1), frame(data, 1, 1)],
    ["6.1 padding", request(1, 4), frame(data, 9, 1, Uint8Array.of(2, 1, 0, 0))],
    [
      "6.2 HEADERS with padding and priority",
      frame(headers, 0x2d, 1, Buffer.concat([Uint8Array.of(1, 0, 0, 0, 0, 9), block(POST), bytes(1)])),
    ],
    [
      "6.4 RST_STREAM on a stream that is over",
      request(1),
      frame(rstStream, 0, 1, uint32(8)),
      frame(rstStream, 0, 1, uint32(8)),
    ],
    ["6.5.2 settings that nobody knows", settings([0x99, 1], [3, 0], [1, 0], [6, 0])],
    ["6.9 WINDOW_UPDATE on a stream that is over", request(1), frame(windowUpdate, 0, 1, uint32(1))],
    [
      "6.10 a block in three parts",
      frame(headers, 1, 1, block(POST.slice(0, 2))),
      frame(continuation, 0, 1, block(POST.slice(2, 4))),
      frame(continuation, 4, 1, block(POST.slice(4))),
    ],
    ["8.1 trailers", request(1, 4), frame(data, 0, 1, bytes(3)), request(1, 5, ["a", "b"])],
  ])("%s", async ([, ...parts]) => {
    const client = new RawClient(server.port);
    client.send(BEGIN, ...parts, request(101));
    expect((await client.answer(101)).body).toBe("hello");
    await client.settled();
    expect(client.frames.filter(({ type }) => type === goaway || type === rstStream)).toEqual([]);
    client.socket.destroy();
  });
});
