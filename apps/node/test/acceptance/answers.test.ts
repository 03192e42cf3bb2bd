import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { KvraftClient } from "@eraft/kv";
import { KVService } from "@eraft/proto/kvraftpb";
import { expect, test } from "vitest";
import { Answers } from "./support/answers.ts";

/** A client of one server that gives these answers one after the other: what `err` says, or a status. */
function clientOf(answers: readonly (string | Code)[]): { client: KvraftClient; seen: Answers } {
  const left = [...answers];
  const transport = createRouterTransport(({ service }) => {
    service(KVService, {
      command: () => {
        const answer = left.shift() ?? "OK";
        if (typeof answer === "number") throw new ConnectError("no", answer);
        return { err: answer };
      },
      getStatus: () => ({}),
    });
  });
  const seen = new Answers();
  return { client: new KvraftClient({ addresses: ["a:1"], connect: () => seen.watch(transport) }), seen };
}

test("every attempt is counted by its answer, and calls of another kind are not", async () => {
  const { client, seen } = clientOf([
    "ErrWrongLeader",
    "ErrTimeout",
    Code.Unavailable,
    "ErrWrongLeader",
    "OK",
  ]);
  await client.put("k", "v");
  await client.status();
  expect(Object.fromEntries(seen.counts)).toEqual({
    ErrWrongLeader: 2,
    ErrTimeout: 1,
    Unavailable: 1,
    OK: 1,
  });
  expect([...seen.counts.keys()][0]).toBe("ErrWrongLeader");
  expect(seen.retried).toBe(4);
  expect(seen.undocumented).toEqual([]);
});

test("an answer that no document knows is told, though the client copes with it", async () => {
  const { client, seen } = clientOf(["ErrShutdown", Code.DataLoss, "OK"]);
  await client.put("k", "v");
  expect(seen.undocumented).toEqual(["ErrShutdown", "DataLoss"]);
});
