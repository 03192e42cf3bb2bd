import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  type KvClient,
  KvCompactedError,
  KvFutureRevisionError,
  type KvOperations,
  KvUnsupportedError,
} from "@eraft/kv";
import { afterAll, beforeAll, expect, test } from "vitest";
import { caughtUp, leaderOf } from "./support/cluster-view.ts";
import { TestCluster } from "./support/test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

async function leader(): Promise<number> {
  return (await leaderOf(cluster.client())).id;
}

/** Resolves once the node is back and has all there is. */
async function killAndRestart(id: number): Promise<void> {
  await cluster.kill(id);
  await cluster.restart(id);
  await caughtUp(cluster.client(), cluster.addresses[id] ?? "");
}

const overHttp1 = (address: string): Transport =>
  createConnectTransport({ baseUrl: `http://${address}`, httpVersion: "1.1" });

/** What an application does first, however it is connected. */
async function tour(kv: KvClient, at: string): Promise<void> {
  const key = `${at}/colour`;
  const { revision } = await kv.put(key, "blue");
  expect(await kv.get(key)).toMatchObject({ text: "blue", createRevision: revision, modRevision: revision });
  await kv.append(key, "-green");
  expect((await kv.get(key, { consistency: "lease" }))?.text).toBe("blue-green");
  expect(await kv.compareAndSwap(key, { value: "red" }, "x")).toMatchObject({ swapped: false });
  expect(await kv.compareAndSwap(key, { modRevision: revision + 1 }, "red")).toMatchObject({ swapped: true });
  const done = await kv.batch(
    [
      { op: "get", key },
      { op: "put", key: `${at}/bytes`, value: Uint8Array.of(0, 255) },
      { op: "delete", key },
    ],
    { when: [{ key, exists: true }] },
  );
  expect(done).toMatchObject({ done: true, results: [{ text: "red" }, null, true] });
  const keys: string[] = [];
  for await (const { keyText } of kv.scan({ prefix: `${at}/` }, { pageSize: 1 })) keys.push(keyText);
  expect(keys).toEqual([`${at}/bytes`]);
  const watch = kv.watch({ prefix: `${at}/` }, { fromRevision: revision });
  const seen: string[] = [];
  for await (const { type, item } of watch) {
    seen.push(`${type} ${item?.text ?? ""}`);
    if (seen.length === 5) break;
  }
  expect(seen.slice(0, 3)).toEqual(["put blue", "put blue-green", "put red"]);
  expect(seen.slice(3).toSorted()).toEqual(["delete ", "put \0\uFFFD"]);
  expect((await kv.status()).every((report) => "status" in report)).toBe(true);
}

test("over gRPC, and over Connect and HTTP/1.1 as in a browser, where there are no streams", async () => {
  await tour(cluster.kvClient(), "grpc");
  const http1 = cluster.kvClient({ connect: overHttp1 });
  await tour(http1, "http1");
  const stream = http1.stream();
  await expect(stream.put("k", "1")).rejects.toThrow(KvUnsupportedError);
  stream.close();
});

test("what has not happened yet cannot be watched, what is next can", async () => {
  const kv = cluster.kvClient();
  const { revision } = await kv.put("k", "1");
  const future = kv.watch({}, { fromRevision: revision + 2 });
  await expect(future.started()).rejects.toThrow(KvFutureRevisionError);
  const next = kv.watch({}, { fromRevision: revision + 1 });
  expect(await next.started()).toBe(revision);
  next.close();
});

test("appends are done once and a watch tells each of them once and in order, whoever is killed meanwhile", async () => {
  const kv = cluster.kvClient({ deadlineMs: 30_000 });
  const stream = kv.stream({ maxInFlight: 64 });
  const watch = kv.watch({ prefix: "appender/" });
  await watch.started();
  const told: string[] = [];
  const watching = (async () => {
    for await (const { keyText, revision, item } of watch) {
      if (keyText === "appender/end") break;
      told.push(`${revision} ${keyText}=${item?.text}`);
    }
  })();
  const over = new AbortController();
  const written: string[] = [];
  const appendAll = async (by: KvOperations, key: string): Promise<void> => {
    let expected = "";
    for (let at = 0; !over.signal.aborted; at += 1) {
      expected += `${at};`;
      const { revision } = await by.append(key, `${at};`);
      written.push(`${revision} ${key}=${expected}`);
    }
  };
  // Each key has one writer with one call at a time, and all of them together have many.
  const writers = Array.from({ length: 16 }, (_, at) =>
    appendAll(at % 2 === 0 ? kv : stream, `appender/${at}`),
  );
  await killAndRestart(await leader());
  for (const id of cluster.running) await killAndRestart(id);
  over.abort();
  await Promise.all(writers);
  await kv.put("appender/end", "");
  await watching;
  expect(told).toEqual(written.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)));
  // One of the killed was its server.
  expect(watch.attempts).toBeGreaterThan(1);
  stream.close();
}, 120_000);

test("a client whose first address is down finds the others, and the leader", async () => {
  const dead = "127.0.0.1:9";
  const kv = cluster.kvClient({ addresses: [dead, ...cluster.addresses] });
  await kv.put("k", "found");
  expect((await kv.get("k"))?.text).toBe("found");
  const watch = kv.watch({}, { fromRevision: 1 });
  await watch.started().catch((error: unknown) => {
    // As many changes were made here that the first ones may not be kept.
    if (!(error instanceof KvCompactedError)) throw error;
  });
  watch.close();
});
