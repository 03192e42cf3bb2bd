import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { DEFAULT_SESSION_OPTIONS, PeerSessionManager } from "../src/node/session-manager.ts";
import type { SessionOptions } from "../src/node/session-manager.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(server: net.Server, host = "127.0.0.1"): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, host);
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `${host}:${(server.address() as AddressInfo).port}`;
}

function managerOf(address: string, options: Partial<SessionOptions> = {}): PeerSessionManager {
  const manager = new PeerSessionManager(address, { ...DEFAULT_SESSION_OPTIONS, ...options });
  cleanups.push(() => manager.close());
  return manager;
}

const ask = (manager: PeerSessionManager) => manager.request("POST", "/", {}, {});
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("calls share one connection", async () => {
  const server = http2.createServer((_request, response) => response.end());
  let connections = 0;
  server.on("connection", () => (connections += 1));
  const manager = managerOf(await listen(server));
  const streams = await Promise.all([ask(manager), ask(manager), ask(manager)]);
  await Promise.all(streams.map((stream) => once(stream.end().resume(), "close")));
  await ask(manager);
  expect(connections).toBe(1);
});

test("an IPv6 address arrives at the server with its brackets", async () => {
  const server = http2.createServer((request, response) => response.end(request.authority));
  const port = (await listen(server, "::1")).split(":").at(-1);
  const stream = await ask(managerOf(`[::1]:${port}`));
  stream.end().setEncoding("utf8");
  const [authority] = await once(stream, "data");
  expect(authority).toBe(`[::1]:${port}`);
});

test("after GOAWAY the call under way finishes, and new ones go to a new connection", async () => {
  const responses: http2.Http2ServerResponse[] = [];
  const server = http2.createServer((_request, response) => responses.push(response));
  const sessions: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  const manager = managerOf(await listen(server));
  const stream = await ask(manager);
  await once(server, "request");
  sessions[0]?.close();
  while (sessions.length < 2) {
    await ask(manager);
    await turn();
  }
  responses[0]?.end("late");
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  expect(text).toBe("late");
});

test("a connection that is reset after GOAWAY is an error for the call under way, not an end without a word", async () => {
  const server = http2.createServer();
  const sockets: net.Socket[] = [];
  server.on("connection", (socket: net.Socket) => sockets.push(socket));
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR);
    // When that is answered, so is GOAWAY heard.
    stream.session?.ping(() => sockets[0]?.resetAndDestroy());
  });
  const manager = managerOf(await listen(server));
  const stream = await ask(manager);
  await expect(once(stream, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("a peer that is silent, even to pings, is given up for a new connection", async () => {
  const server = net.createServer((socket) => socket.resume());
  const manager = managerOf(await listen(server), { pingAfterMs: 5, pingTimeoutMs: 5 });
  const connections: net.Socket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  const first = await ask(manager);
  // An end without a word would leave Connect, and whoever called, waiting for a deadline.
  const ended = once(first, "close").catch((error: Error) => error.message);
  while (connections.length < 2) {
    await ask(manager);
    await turn();
  }
  expect(await ended).toContain("no answer to a ping within");
});

test("a peer that is slow but answers pings is kept", async () => {
  const server = http2.createServer(() => {});
  const sessions: http2.ServerHttp2Session[] = [];
  const pings: Buffer[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("ping", (payload: Buffer) => pings.push(payload));
  });
  const manager = managerOf(await listen(server), { pingAfterMs: 1, pingTimeoutMs: 60_000 });
  // A second ping is only sent after the first was answered.
  while (pings.length < 3) {
    await ask(manager);
    await turn();
  }
  expect(sessions).toHaveLength(1);
});

/** A port that accepts nothing more: its thread sleeps, and its backlog is full. */
async function listenDeaf(): Promise<string> {
  const worker = new Worker(DEAF, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  // The kernel completes one connection more than the backlog of 1, and leaves the rest unanswered.
  const sockets = [1, 2].map(() => net.connect(port, "127.0.0.1"));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    void worker.terminate();
  });
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return `127.0.0.1:${port}`;
}

const DEAF = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

test("a connection that is not established in time fails the calls that wait for it; only so many may", async () => {
  const manager = managerOf(await listenDeaf(), { connectTimeoutMs: 20, maxWaiting: 2 });
  const calls = [ask(manager), ask(manager), ask(manager)].map((call) =>
    call.catch((error: Error) => error.message),
  );
  expect(await Promise.all(calls)).toEqual([
    "[unavailable] no connection within 20 ms",
    "[unavailable] no connection within 20 ms",
    "[unavailable] too many calls wait for the connection",
  ]);
});

test("a stream that is kept alive ends when its peer is silent, even to pings, and nobody asks for anything", async () => {
  const server = net.createServer((socket) => socket.resume());
  const manager = managerOf(await listen(server), { pingAfterMs: 5, pingTimeoutMs: 5 });
  const stream = await ask(manager);
  manager.keepAlive(stream);
  await expect(once(stream, "close")).rejects.toThrow("no answer to a ping within");
});

test("one whose peer answers pings goes on, silent as it may be, and is watched no longer than it lasts", async () => {
  const server = http2.createServer((request) => request.resume());
  const pings: Buffer[] = [];
  const sessions: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("ping", (payload: Buffer) => pings.push(payload));
  });
  const manager = managerOf(await listen(server), { pingAfterMs: 1, pingTimeoutMs: 60_000 });
  const stream = await ask(manager);
  manager.keepAlive(stream);
  while (pings.length < 3) await turn();
  expect(stream.closed).toBe(false);
  stream.close();
  await once(stream, "close");
  const before = pings.length;
  // A ping of ours there and back, in which any other one would have been seen.
  const [session] = sessions;
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => session?.ping(resolve));
  expect(pings.length).toBeLessThanOrEqual(before + 1);
});

test("after a failed attempt calls fail at once for a moment, without another attempt", async () => {
  const closed = net.createServer();
  const address = await listen(closed);
  closed.close();
  await once(closed, "close");
  const manager = managerOf(address, { redialAfterMs: 60_000 });
  const first = await ask(manager).catch((error: unknown) => error);
  const second = await ask(manager).catch((error: unknown) => error);
  expect(first).toMatchObject({ cause: { code: "ECONNREFUSED" } });
  expect(second).toBe(first);
});

test("close ends calls and refuses later ones", async () => {
  const server = http2.createServer(() => {});
  const manager = managerOf(await listen(server));
  const stream = await ask(manager);
  const ended = once(stream, "close").catch((error: Error) => error.message);
  manager.close();
  expect(await ended).toBe("[canceled] this connection was closed");
  await expect(ask(manager)).rejects.toThrow("this connection was closed");
});

test("close does not wait for a connection that is never established", async () => {
  const manager = managerOf(await listenDeaf(), { connectTimeoutMs: 60_000 });
  const call = ask(manager).catch((error: Error) => error.message);
  manager.close();
  expect(await call).toBe("[canceled] this connection was closed");
});

test("the host of an IPv6 address is used without its brackets", async () => {
  // Whether this machine has IPv6 or not, the attempt fails, and the error tells what was attempted.
  const error = await ask(managerOf("[::1]:1")).catch((error: unknown) => error);
  expect(error).toMatchObject({ cause: { syscall: "connect", address: "::1", port: 1 } });
});
