import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { DEFAULT_SESSION_OPTIONS, PeerSessionManager } from "../src/node/session-manager.ts";
import type { SessionOptions } from "../src/node/session-manager.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
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

test("a peer that is silent, even to pings, is given up for a new connection", async () => {
  const server = net.createServer((socket) => socket.resume());
  const manager = managerOf(await listen(server), { pingAfterMs: 5, pingTimeoutMs: 5 });
  const connections: net.Socket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  const first = await ask(manager);
  while (connections.length < 2) {
    await ask(manager);
    await turn();
  }
  expect(first.destroyed).toBe(true);
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

test("a connection that is not established in time fails all calls that wait for it, and no more than allowed wait", async () => {
  // An address for documentation, where nobody is. Some networks say so at once: then the calls fail for that reason.
  const manager = managerOf("192.0.2.1:9", { connectTimeoutMs: 20, maxWaiting: 2 });
  const calls = [ask(manager), ask(manager), ask(manager)].map((call) =>
    call.catch((error: Error) => error.message),
  );
  const [first, second, third] = await Promise.all(calls);
  expect(first).toBe(second);
  expect(third).toBe("[unavailable] too many calls wait for the connection");
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

test("close ends calls, also those that wait for the connection, and refuses later ones", async () => {
  const server = http2.createServer(() => {});
  const manager = managerOf(await listen(server));
  const stream = await ask(manager);
  const ended = once(stream, "close");
  manager.close();
  await ended;
  await expect(ask(manager)).rejects.toThrow(/closed/);
  const connecting = managerOf(await listen(http2.createServer()));
  const call = ask(connecting);
  connecting.close();
  await expect(call).rejects.toThrow(/closed/);
});
