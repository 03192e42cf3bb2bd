import type { ConnectRouter } from "@connectrpc/connect";
import { type KvNode, kvRoutes } from "@eraft/kv";
import { serve } from "@eraft/transport-connect/node";
import { expect, onTestFinished, test } from "vitest";
import { runMain } from "./support/run-main.ts";

/** A node as far as clients of the Go nodes know one: `kvraftpb.KVService` and nothing else. */
async function startKvNode(): Promise<string> {
  const node: KvNode = {
    propose: async () => ({ status: "ok", value: "" }),
    read: async () => "blue",
    status: () => ({ id: 0, role: "leader", term: 3, lastApplied: 7, commitIndex: 8, storageBytes: 9 }),
  };
  const routes = (router: ConnectRouter): void => kvRoutes(node)(router);
  const server = serve({ host: "127.0.0.1", port: 0, routes });
  onTestFinished(() => server.close());
  const { host, port } = await server.listening;
  return `${host}:${port}`;
}

test("a node without an AdminService is shown like any other, and without an error", async () => {
  const address = await startKvNode();
  const table = await runMain("status", "--cluster", address);
  expect(table).toMatchObject({ code: 0, stderr: "" });
  expect(table.stdout).toMatch(/ Leader +3 +8 +7 +9 B\n$/);
  const json = await runMain("status", "--json", "--peers", "--cluster", address);
  expect(json).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(json.stdout)).toEqual([
    { id: 0, address, state: "Leader", term: 3, last_applied: 7, commit_index: 8, storage_size: 9 },
  ]);
});

test("reads and writes need no AdminService", async () => {
  const address = await startKvNode();
  expect(await runMain("put", "k", "v", "--cluster", address)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await runMain("get", "k", "--cluster", address)).toEqual({ code: 0, stdout: "blue\n", stderr: "" });
});
