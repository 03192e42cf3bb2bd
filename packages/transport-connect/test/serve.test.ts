import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { ListenError, serve } from "@eraft/transport-connect/node";
import type { RpcServer, ServeOptions } from "@eraft/transport-connect/node";
import { describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";

const VOTE = "/raftpb.RaftService/RequestVote";

const hello: NonNullable<ServeOptions["fallback"]> = (request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`${request.method} ${request.url}\n`);
};

/** Writes `text`, then resolves with all that comes back until the server closes the connection. */
async function exchange(port: number, ...texts: string[]): Promise<string> {
  const socket = net.connect(port, "127.0.0.1").setNoDelay().setEncoding("latin1");
  let received = "";
  socket.on("data", (text: string) => {
    received += text;
  });
  for (const text of texts) await new Promise((resolve) => socket.write(text, resolve));
  await once(socket, "close");
  return received;
}

async function openSocket(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  async function start(options: Partial<ServeOptions> = {}): Promise<{ server: RpcServer; port: number }> {
    const server = serve({
      host: "127.0.0.1",
      port: 0,
      engine,
      routes: () => {},
      fallback: hello,
      ...options,
    });
    return { server, port: (await server.listening).port };
  }

  test("a plain GET over HTTP/1.1 goes to the fallback", async () => {
    const { server, port } = await start();
    const response = await fetch(`http://127.0.0.1:${port}/metrics?x=1`);
    expect([response.status, await response.text()]).toEqual([200, "GET /metrics?x=1\n"]);
    await server.close();
  });

  test("without a fallback the answer is 404", async () => {
    const server = serve({ host: "127.0.0.1", port: 0, engine, routes: () => {} });
    const { port } = await server.listening;
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    await server.close();
  });

  test("a GET over HTTP/2 on the same port goes there too", async () => {
    const { server, port } = await start();
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/health" }).setEncoding("utf8");
    let text = "";
    for await (const chunk of stream) text += chunk;
    expect(text).toBe("GET /health\n");
    session.close();
    await server.close();
  });

  test("the windows and limits of HTTP/2 are those asked for", async () => {
    const limits = {
      maxConcurrentStreams: 7,
      streamWindowBytes: 2_000_000,
      connectionWindowBytes: 3_000_000,
    };
    const { server, port } = await start({ limits });
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const [settings] = (await once(session, "remoteSettings")) as [http2.Settings];
    expect(settings).toMatchObject({ maxConcurrentStreams: 7, initialWindowSize: 2_000_000 });
    // A round trip, after which the window update that the server sent before must be here.
    await new Promise((resolve) => session.ping(resolve));
    expect(session.state.remoteWindowSize).toBeGreaterThanOrEqual(3_000_000);
    session.close();
    await server.close();
  });

  test("a client that writes byte by byte is understood", async () => {
    const { server, port } = await start();
    const request = "PUT /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await exchange(port, ...request.split(""))).toContain("PUT /slow");
    await server.close();
  });

  test.for<[why: string, request: string]>([
    ["no Host, HTTP/1.0", `POST ${VOTE} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`],
    [
      "a Host that is none",
      `POST ${VOTE} HTTP/1.1\r\nHost: [\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    ],
  ])("a request with %s is answered, not fatal", async ([, request]) => {
    const { RaftService } = await import("@eraft/proto/raftpb");
    const { server, port } = await start({ routes: (router) => router.service(RaftService, {}) });
    expect(await exchange(port, request)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    await server.close();
  });

  test("noise is closed, and does no harm", async () => {
    const { server, port } = await start();
    await exchange(port, "\x16\x03\x01\x00\xff\x00\x00");
    await exchange(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at all, for certain");
    await exchange(port, "PR", "X");
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    await server.close();
  });

  test("a connection that stays silent, or stops after two bytes, is closed", async () => {
    const { server, port } = await start({ limits: { firstBytesTimeoutMs: 30 } });
    expect(await exchange(port)).toBe("");
    expect(await exchange(port, "PR")).toBe("");
    await server.close();
  });

  test("headers that do not come to an end are cut off", async () => {
    const { server, port } = await start({ limits: { headersTimeoutMs: 50, requestTimeoutMs: 50 } });
    expect(await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n")).toMatch(/^HTTP\/1\.1 408 /);
    await server.close();
  });

  test("a port in use is told as such", async () => {
    const { server, port } = await start();
    const second = serve({ host: "127.0.0.1", port, engine, routes: () => {} });
    const error = await second.listening.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({
      code: "addressInUse",
      message: `127.0.0.1:${port} is in use already`,
      cause: { code: "EADDRINUSE" },
    });
    await Promise.all([second.close(), server.close()]);
  });

  test("a host that is not ours is told as such", async () => {
    const server = serve({ host: "192.0.2.1", port: 0, engine, routes: () => {} });
    await expect(server.listening).rejects.toMatchObject({ code: "badAddress" });
    await server.close();
  });

  test("a server closed before it listens says so", async () => {
    const server = serve({ host: "127.0.0.1", port: 0, engine, routes: () => {} });
    const closing = server.close();
    await expect(server.listening).rejects.toMatchObject({ code: "closed" });
    await closing;
  });

  test.for([-1, 65_536, 1.5])("port %d is refused at once", (port) => {
    expect(() => serve({ host: "127.0.0.1", port, engine, routes: () => {} })).toThrow(RangeError);
  });

  test("a limit out of range is refused at once", () => {
    const limits = { closeGraceMs: -1 };
    expect(() => serve({ host: "127.0.0.1", port: 0, routes: () => {}, limits })).toThrow(/closeGraceMs/);
  });

  test("close does not wait for connections that are idle or silent", async () => {
    // Only the grace period could end these otherwise, and it is longer than the test may take.
    const { server, port } = await start({
      limits: { closeGraceMs: 1_000_000, keepAliveTimeoutMs: 1_000_000 },
    });
    const silent = await openSocket(port);
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({ port, host: "127.0.0.1", agent });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    await once(response, "end");
    const session = http2.connect(`http://127.0.0.1:${port}`);
    await once(session, "remoteSettings");
    const gone = Promise.all([once(silent.resume(), "close"), once(session, "close")]);
    await server.close();
    expect(await gone).toHaveLength(2);
    await server.close();
    agent.destroy();
  });

  test("close lets calls under way finish, over HTTP/1.1 and HTTP/2", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let waiting = 0;
    const { promise: bothWait, resolve: bothHere } = Promise.withResolvers<void>();
    const { server, port } = await start({
      limits: { closeGraceMs: 1_000_000, keepAliveTimeoutMs: 1_000_000 },
      fallback: (_request, response) => {
        waiting += 1;
        if (waiting === 2) bothHere();
        void released.then(() => response.end("done"));
      },
    });
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/" }).setEncoding("utf8");
    const first = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    await bothWait;
    const closing = server.close();
    await once(session, "goaway");
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
    release();
    let second = "";
    for await (const chunk of stream) second += chunk;
    expect([await first, second]).toEqual(["done", "done"]);
    await closing;
  });

  test("close ends what does not finish within the grace period", async () => {
    const { promise: called, resolve: call } = Promise.withResolvers<void>();
    const { server, port } = await start({ limits: { closeGraceMs: 20 }, fallback: () => call() });
    const hanging = fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    await called;
    await server.close();
    expect(await hanging).toBeInstanceOf(Error);
  });

  test("more connections than allowed are closed at once", async () => {
    const { server, port } = await start({ limits: { maxConnections: 1 } });
    const first = await openSocket(port);
    expect(await exchange(port)).toBe("");
    first.destroy();
    await server.close();
  });

  test("the port is free again after close", async () => {
    const { server, port } = await start();
    await server.close();
    const probe = net.createServer().listen(port, "127.0.0.1");
    await once(probe, "listening");
    expect((probe.address() as AddressInfo).port).toBe(port);
    probe.close();
  });
});
