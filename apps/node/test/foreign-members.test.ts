import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { KvService } from "@eraft/proto/eraft/kv/v1";
import { RaftService } from "@eraft/proto/raftpb";
import { serve } from "@eraft/transport-connect/node";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { LocalNode, freeAddresses } from "./support/local-node.ts";

const KEY = new TextEncoder().encode("k");

/** A member that speaks raftpb and nothing else, and votes for everybody who is alone with it. */
async function startForeignMember(port: number): Promise<void> {
  const server = serve({
    host: "127.0.0.1",
    port,
    routes: (router) =>
      router.service(RaftService, {
        requestVote: ({ term }) => ({ term, voteGranted: true }),
        appendEntries: ({ term }) => ({ term, success: true }),
        installSnapshot: ({ term }) => ({ term }),
      }),
  });
  onTestFinished(() => server.close());
  await server.listening;
}

async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return `${Code[code]}: ${rawMessage}`;
  }
}

async function* oneRequest<T>(calls: T): AsyncGenerator<{ calls: T }> {
  yield { calls };
}

test("no write of eraft.kv.v1 gets into a log that a member of another kind has to read", async () => {
  const addresses = await freeAddresses(2);
  const [own, foreign] = addresses;
  if (own === undefined || foreign === undefined) throw new Error("there are two");
  await startForeignMember(foreign.port);
  const beginning = { type: "found", members: new Map(addresses.entries()) } as const;
  await LocalNode.start({ id: 0, listen: own, beginning, dir: null });
  const client = createClient(KvService, createGrpcTransport({ baseUrl: `http://${own.text}` }));
  // It votes by raftpb, so by the time that there is a leader it is known for what it is.
  await eventually(async () => {
    const { item } = await client.get({ key: KEY });
    expect(item).toBeUndefined();
  });
  const refusal =
    "Unimplemented: node 1 could not read this write from its log: write with kvraftpb.KVService";
  const value = KEY;
  const put = { operation: { case: "put", value: { key: KEY, value } } } as const;
  expect(await refusalOf(client.put({ key: KEY, value }))).toBe(refusal);
  expect(await refusalOf(client.delete({ key: KEY }))).toBe(refusal);
  expect(
    await refusalOf(client.compareAndSwap({ condition: { key: KEY }, change: { case: "value", value } })),
  ).toBe(refusal);
  expect(await refusalOf(client.batch({ operations: [put] }))).toBe(refusal);
  expect(await refusalOf(client.openSession({}))).toBe(refusal);
  const calls = [{ callId: 1n, call: { case: "put", value: { key: KEY, value } } as const }];
  const drained = async (): Promise<void> => {
    for await (const _ of client.stream(oneRequest(calls)));
  };
  expect(await refusalOf(drained())).toBe(refusal);
  expect((await client.scan({})).items).toEqual([]);
});
