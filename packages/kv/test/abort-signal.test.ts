import { getEventListeners } from "node:events";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { KvraftClient, KvRefusedError } from "@eraft/kv";
import { KVService } from "@eraft/proto/kvraftpb";
import { expect, test } from "vitest";

// An application passes the signal of its own shutdown with every call for as long as it lives.
test("a call that has ended, however it did, leaves nothing with its caller's signal", async () => {
  const transport = createRouterTransport((router) => {
    router.service(KVService, {
      command: ({ key }) => {
        if (key === "refused") throw new ConnectError("no", Code.InvalidArgument);
        return { err: "OK", value: "v" };
      },
    });
  });
  const client = new KvraftClient({ addresses: ["server:1"], connect: () => transport });
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = (): number => getEventListeners(signal, "abort").length;

  await client.put("k", "v", { signal });
  expect(await client.get("k", { signal })).toBe("v");
  await expect(client.put("refused", "v", { signal })).rejects.toThrow(KvRefusedError);
  await client.status({ signal });
  expect(listeners()).toBe(0);

  const aborted = client.put("k", "v", { signal });
  expect(listeners()).toBe(1);
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toMatchObject({ name: "KvAbortedError" });
  expect(listeners()).toBe(0);
  client.close();
});
