import { type TransportServer, transportCases } from "@eraft/conformance";
import { ConnectTransport } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { describe, test } from "vitest";
import { PATIENT } from "./support.ts";

const MAX_SNAPSHOT_BYTES = 2 * 1_048_576;

/** A server that listens, with a transport that is not started yet; one that has stopped can be started again. */
async function listen(
  id: number,
  streams: boolean,
): Promise<TransportServer & { close: () => Promise<void> }> {
  const limits = { errorDelayMs: 0, maxMessageBytes: 1_500_000, maxSnapshotBytes: MAX_SNAPSHOT_BYTES };
  const transport = new ConnectTransport({
    id,
    connect: nodePeerConnection,
    deadlines: PATIENT,
    limits,
    streams,
  });
  const server = serve({ host: "127.0.0.1", port: 0, routes: (router) => transport.routes(router) });
  const { port } = await server.listening;
  return { id, address: `127.0.0.1:${port}`, transport: () => transport, close: () => server.close() };
}

async function create(count: number, streams: boolean) {
  const servers = await Promise.all(Array.from({ length: count }, (_, id) => listen(id, streams)));
  return { servers, dispose: async () => void (await Promise.all(servers.map((server) => server.close()))) };
}

describe("over unary calls", () => {
  const supports = { maxSnapshotBytes: MAX_SNAPSHOT_BYTES };
  const harness = { create: (count: number) => create(count, false), supports };
  for (const { name, run } of transportCases(harness)) test(name, () => run());
});

describe("over streams", () => {
  const supports = { oneWayResponses: true, carriesSequence: true, carriesRefusals: true };
  const harness = { create: (count: number) => create(count, true), supports };
  for (const { name, run } of transportCases(harness)) test(name, () => run());
});
