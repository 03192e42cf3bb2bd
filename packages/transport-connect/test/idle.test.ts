import { connect, createServer } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { queryObjects } from "node:v8";
import { serve } from "@eraft/transport-connect/node";
import { expect, test } from "vitest";
import { ENGINES } from "./engines.ts";

async function connected(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return session;
}

function closed(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => session.once("close", resolve));
}

function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
}

/** How many sessions of HTTP/2 servers this process keeps in memory, after garbage collection. */
async function sessionsInMemory(): Promise<() => number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<object>((resolve) => server.once("session", resolve));
  const client = await connected((server.address() as AddressInfo).port);
  const kind = (await accepted).constructor as new () => object;
  client.destroy();
  server.close();
  return () => queryObjects(kind, { format: "count" });
}

test.for(ENGINES)(
  "a connection without traffic is closed, one with pings is not ($engine)",
  async ({ engine }) => {
    const limits = { idleSessionTimeoutMs: 400 };
    const server = serve({ host: "127.0.0.1", port: 0, engine, routes: () => {}, limits });
    const { port } = await server.listening;
    const [busy, idle] = [await connected(port), await connected(port)];
    while (!idle.closed) await ping(busy);
    await ping(busy);
    expect(busy.closed).toBe(false);
    busy.destroy();
    await server.close();
  },
);

test("a connection that is gone leaves no session in memory", async () => {
  const count = await sessionsInMemory();
  const server = serve({ host: "127.0.0.1", port: 0, engine: "node", routes: () => {} });
  const { port } = await server.listening;
  const before = count();
  for (let i = 0; i < 50; i += 1) {
    const session = await connected(port);
    const gone = closed(session);
    if (i % 2 === 0) session.close();
    else session.destroy();
    await gone;
  }
  // Until the server has heard of the last ones.
  const endMs = performance.now() + 10_000;
  while (count() > before + 5 && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(count()).toBeLessThanOrEqual(before + 5);
  await server.close();
});
