import { createServer } from "node:http2";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TransportHarness, type TransportServer, transportCases } from "@eraft/conformance";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { PeerIdentity } from "@eraft/core";
import { ConnectTransport } from "@eraft/transport-connect";
import type { PeerConnection } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { describe, test } from "vitest";
import { Proxy } from "./proxy.ts";
import { PATIENT } from "./support.ts";

const MAX_SNAPSHOT_BYTES = 2 * 1_048_576;

interface Kind {
  readonly streams: boolean;
  readonly connect: (address: string) => PeerConnection;
  readonly listen: (transport: ConnectTransport) => Promise<{ port: number; close: () => Promise<void> }>;
}

interface Server extends TransportServer {
  readonly proxy: Proxy;
  readonly close: () => Promise<void>;
}

/**
 * A server that listens, behind a hop whose connections can be broken, with a transport that is not started yet; one that has stopped can be
 * started again.
 */
async function start(id: number, { connect, listen, streams }: Kind): Promise<Server> {
  const limits = { errorDelayMs: 0, maxMessageBytes: 1_500_000, maxSnapshotBytes: MAX_SNAPSHOT_BYTES };
  let identity: () => PeerIdentity = () => ({ clusterId: "test", incarnation: `disk-${id}`, starts: 1 });
  const options = { id, connect, deadlines: PATIENT, limits, streams, identity: () => identity() };
  const transport = new ConnectTransport(options);
  const server = await listen(transport);
  const proxy = await new Proxy(() => server.port).listen();
  return {
    id,
    address: proxy.address,
    proxy,
    transport: (given) => {
      identity = given ?? identity;
      return transport;
    },
    close: async () => void (await Promise.all([proxy.close(), server.close()])),
  };
}

function harnessOf(kind: Kind, supports: TransportHarness["supports"] = {}): TransportHarness {
  return {
    supports,
    create: async (count) => {
      const servers = await Promise.all(Array.from({ length: count }, (_, id) => start(id, kind)));
      return {
        servers,
        breakConnections: () => {
          for (const { proxy } of servers) proxy.breakAll();
        },
        dispose: async () => void (await Promise.all(servers.map((server) => server.close()))),
      };
    },
  };
}

async function listenOurs(transport: ConnectTransport) {
  const server = serve({ host: "127.0.0.1", port: 0, routes: (router) => transport.routes(router) });
  const { port } = await server.listening;
  return { port, close: () => server.close() };
}

/** As an application does that has a server of its own. */
async function listenConnect(transport: ConnectTransport) {
  const server: Http2Server = createServer(
    connectNodeAdapter({ routes: (router) => transport.routes(router) }),
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.close();
    for (const session of sessions) session.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

function connectPlainly(address: string): PeerConnection {
  const { stream, unary, close } = nodePeerConnection(address);
  return { stream, unary, close };
}

const streamSupport = {
  oneWayResponses: true,
  carriesSequence: true,
  carriesRefusals: true,
  extensions: true,
  reportsDisconnects: true,
  resumesSnapshots: true,
  identities: true,
};
const ours = { connect: nodePeerConnection, listen: listenOurs };

function run(harness: TransportHarness): void {
  for (const { name, run } of transportCases(harness)) test(name, () => run());
}

describe("over unary calls", () => {
  run(harnessOf({ ...ours, streams: false }, { maxSnapshotBytes: MAX_SNAPSHOT_BYTES }));
});

describe("over streams", () => {
  run(harnessOf({ ...ours, streams: true }, streamSupport));
});

describe("over streams of any Connect transport", () => {
  run(harnessOf({ streams: true, connect: connectPlainly, listen: listenConnect }, streamSupport));
});
