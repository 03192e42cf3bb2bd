import { once } from "node:events";
import { connect } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ErrorCode } from "@eraft/http2";
import type { ServerStream, StreamListener } from "@eraft/http2";
import { afterEach, expect, test } from "vitest";
import { FrameType } from "../src/frames/frame-types.ts";
import {
  answerAtEnd,
  BEGIN,
  frame,
  OK,
  PREFACE_ONLY,
  RawClient,
  request,
  startServer,
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

const goaways = (client: RawClient) =>
  client.frames
    .filter(({ type }) => type === FrameType.goaway)
    .map(({ payload }) => [payload.readUInt32BE(0), payload.readUInt32BE(4)]);

/** The PING with which the server finds out whether a client has heard that it closes. */
async function goodbye(client: RawClient): Promise<Buffer> {
  const found = await client.find(({ flags, type }) => type === FrameType.ping && flags === 0);
  return found?.payload ?? Buffer.alloc(8);
}

test("close serves what was on its way, then says which request was the last, and refuses others", async () => {
  const streams: ServerStream[] = [];
  const { http2, port } = await start((stream) => {
    streams.push(stream);
    return { data() {}, end() {}, closed() {} };
  });
  const client = new RawClient(port);
  client.send(BEGIN, request(1));
  await client.settled();
  http2.close();
  const mark = await goodbye(client);
  expect(goaways(client)).toEqual([[0x7fffffff, ErrorCode.noError]]);
  // Sent before the client has heard of it.
  client.send(request(3), frame(FrameType.ping, 1, 0, mark), request(5));
  expect(await client.reset(5)).toBe(ErrorCode.refusedStream);
  expect(goaways(client)).toEqual([
    [0x7fffffff, ErrorCode.noError],
    [3, ErrorCode.noError],
  ]);
  for (const stream of streams) stream.answer(OK, Buffer.from(`${stream.id}`), null);
  expect((await client.answer(1)).body).toBe("1");
  expect((await client.answer(3)).body).toBe("3");
  await client.closed();
});

test("a client that does not answer is not waited for", async () => {
  const { http2, port } = await start();
  const client = new RawClient(port);
  client.send(BEGIN);
  await client.settled();
  http2.close();
  await client.closed();
  expect(goaways(client)).toHaveLength(2);
});

test("Node's client hears of it, and its requests end well", async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerStream>();
  const { http2, port } = await start((stream) => {
    arrive(stream);
    return { data() {}, end() {}, closed() {} };
  });
  const session = connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => session.destroy());
  const stream = session.request({ ":path": "/" }).setEncoding("utf8");
  const served = await arrived;
  const closed = once(session, "close");
  http2.close();
  await once(session, "goaway");
  served.answer(OK, Buffer.from("done"), null);
  let text = "";
  for await (const part of stream) text += part;
  expect(text).toBe("done");
  await closed;
});

test("whoever serves a request is told once when it is over, and how", async () => {
  const codes: string[] = [];
  const { port, sockets } = await start((stream, head) => ({
    ...answerAtEnd(stream, head),
    end: () => {
      if (stream.id === 1) stream.answer(OK, null, null);
    },
    closed: (code) => codes.push(`${stream.id}: ${code}`),
  }));
  const client = new RawClient(port);
  client.send(BEGIN, request(1), request(3), request(5), frame(FrameType.rstStream, 0, 3, uint32(2)));
  await client.settled();
  expect(codes).toEqual(["1: 0", "3: 2"]);
  const [socket] = sockets;
  const gone = once(socket ?? client.socket, "close");
  client.socket.destroy();
  await gone;
  expect(codes).toEqual(["1: 0", "3: 2", `5: ${ErrorCode.cancel}`]);
});

test("a request that is over does not keep whoever served it", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const streams: ServerStream[] = [];
  const listeners: WeakRef<StreamListener>[] = [];
  const { port } = await start((stream, head) => {
    streams.push(stream);
    const listener = answerAtEnd(stream, head);
    listeners.push(new WeakRef(listener));
    return listener;
  });
  const client = new RawClient(port);
  client.send(BEGIN, request(1), request(3), frame(FrameType.rstStream, 0, 3, uint32(8)));
  await client.settled();
  expect(streams.map((stream) => stream.isClosed)).toEqual([true, true]);
  // What a WeakRef was made of lives on until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  expect(listeners.map((listener) => listener.deref())).toEqual([undefined, undefined]);
});

test("what is done on a request that is over does nothing", async () => {
  const streams: ServerStream[] = [];
  const { faults, port } = await start((stream) => {
    streams.push(stream);
    return { data() {}, end() {}, closed() {} };
  });
  const client = new RawClient(port);
  client.send(BEGIN, request(1), frame(FrameType.rstStream, 0, 1, uint32(8)));
  await client.settled();
  const [stream] = streams;
  stream?.respond(OK);
  stream?.write(Buffer.from("a"));
  stream?.end();
  stream?.answer(OK, Buffer.from("a"), null);
  stream?.consume(7);
  stream?.reset();
  await client.settled();
  expect(client.frames.filter(({ id }) => id === 1)).toEqual([]);
  expect(faults).toEqual([]);
});

test("a fault of whoever serves ends the connection, and is told to the server", async () => {
  const { faults, port } = await start(() => {
    throw new Error("a bug");
  });
  const client = new RawClient(port);
  client.send(BEGIN, request(1));
  expect(await client.goaway()).toBe(ErrorCode.internalError);
  expect(faults).toMatchObject([{ message: "a bug" }]);
});

test("a request that does not end is late, then reset; one that has ended may take its time", async () => {
  const { promise: late, resolve } = Promise.withResolvers<number>();
  const { port } = await start(
    (stream) => ({
      data() {},
      end() {},
      closed() {},
      late: () => {
        resolve(stream.id);
        stream.answer(OK, null, null);
      },
    }),
    { requestTimeoutMs: 40 },
  );
  const client = new RawClient(port);
  client.send(BEGIN, request(1, 5), request(3, 4));
  expect(await late).toBe(3);
  expect(await client.reset(3)).toBe(ErrorCode.cancel);
  expect(client.frames.some(({ id }) => id === 1)).toBe(false);
  client.socket.destroy();
});

test("a connection that never says what it wants is closed", async () => {
  const { port } = await start(answerAtEnd, { requestTimeoutMs: 40 });
  const client = new RawClient(port);
  client.send(PREFACE_ONLY);
  expect(await client.goaway()).toBe(ErrorCode.settingsTimeout);
});

test("an idle connection is closed, one with a request is not", async () => {
  const { port } = await start(() => ({ data() {}, end() {}, closed() {} }), { idleTimeoutMs: 60 });
  const [idle, busy] = [new RawClient(port), new RawClient(port)];
  idle.send(BEGIN);
  busy.send(BEGIN, request(1));
  await idle.closed();
  await busy.settled();
  expect(goaways(busy)).toEqual([]);
  busy.socket.destroy();
});
