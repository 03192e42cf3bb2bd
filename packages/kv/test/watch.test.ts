import { Code, ConnectError } from "@connectrpc/connect";
import {
  type KvChange,
  type KvClient,
  KvClosedError,
  KvCompactedError,
  KvFutureRevisionError,
  KvTimeoutError,
  type KvWatch,
} from "@eraft/kv";
import { Reason, type WatchResponse } from "@eraft/proto/eraft/kv/v1";
import { expect, test } from "vitest";
import { failure } from "./support/fake-store.ts";
import { FaultyCluster, type WatchFault, dead, serving } from "./support/faulty-cluster.ts";
import { finish, settle } from "./support/manual-clock.ts";

/** Ends after so many responses. */
const breakingAfter = (responses: number, why?: Error): WatchFault =>
  async function* (serve) {
    let left = responses;
    if (left > 0) {
      for await (const response of serve()) {
        yield response;
        left -= 1;
        if (left === 0) break;
      }
    }
    throw why ?? new ConnectError("connection reset", Code.Unavailable);
  };

/** Says what it is told to, whatever is in the store. */
const telling = (...responses: readonly Partial<WatchResponse>[]): WatchFault =>
  async function* () {
    yield* responses as WatchResponse[];
    await new Promise(() => {});
  };

const silent: WatchFault = async function* (serve) {
  for await (const response of serve()) {
    yield response;
    break;
  }
  await new Promise(() => {});
};

async function writeAll(kv: KvClient, from: number, to: number): Promise<void> {
  for (let at = from; at <= to; at += 1) await kv.put(`k/${at}`, String(at));
}

/** The next so many changes, of a watch that nobody else reads. */
async function take(changes: AsyncIterator<KvChange>, count: number): Promise<KvChange[]> {
  const taken: KvChange[] = [];
  while (taken.length < count) {
    const { value, done } = await changes.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

const revisionsOf = (changes: readonly KvChange[]): number[] => changes.map(({ revision }) => revision);
const iterate = (watch: KvWatch): AsyncIterator<KvChange> => watch[Symbol.asyncIterator]();

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

test("tells what happens after it has started, as it was written, and nothing of other keys", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  await kv.put("user/1", "old");
  const watch = kv.watch({ prefix: "user/" });
  expect(watch.revision).toBeNull();
  expect(await watch.started()).toBe(1);
  await kv.put("user/1", "new");
  await kv.put("other", "x");
  await kv.batch([
    { op: "put", key: "user/2", value: "2" },
    { op: "delete", key: "user/1" },
  ]);
  const changes = iterate(watch);
  const [first, second, third] = await take(changes, 3);
  expect(first).toMatchObject({ type: "put", keyText: "user/1", revision: 2, item: { text: "new" } });
  expect(second).toMatchObject({ type: "put", keyText: "user/2", revision: 4 });
  expect(third).toMatchObject({ type: "delete", keyText: "user/1", revision: 4, item: null });
  watch.close();
  expect(await changes.next()).toMatchObject({ done: true });
});

test("goes on where it was when its server fails, between any two revisions, and neither loses nor repeats one", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving, c: serving });
  for (const address of cluster.addresses) {
    cluster.watchFaults.set(address, [
      breakingAfter(1),
      breakingAfter(3),
      breakingAfter(0),
      breakingAfter(2),
    ]);
  }
  const kv = cluster.client();
  await writeAll(kv, 1, 20);
  const watch = kv.watch({}, { fromRevision: 3 });
  const changes = await finish(cluster.clock, take(iterate(watch), 18));
  expect(revisionsOf(changes)).toStrictEqual(Array.from({ length: 18 }, (_, at) => at + 3));
  // It was elsewhere, again and again.
  expect(cluster.watches.length).toBeGreaterThan(8);
  expect(new Set(cluster.watches.map(({ address }) => address)).size).toBe(3);
  watch.close();
});

test("a watch that broke before it had been told anything begins with what is next then", async () => {
  const cluster = new FaultyCluster({ a: serving });
  cluster.watchFaults.set("a", [breakingAfter(0)]);
  const kv = cluster.client();
  await kv.put("k", "1");
  const watch = kv.watch();
  await finish(cluster.clock, watch.started());
  await kv.put("k", "2");
  expect(revisionsOf(await take(iterate(watch), 1))).toStrictEqual([2]);
});

test("what is asked for and not kept any more is a KvCompactedError that says where to begin", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  await writeAll(kv, 1, 10);
  cluster.store.compact(6n);
  const error = await rejection(take(iterate(kv.watch({}, { fromRevision: 5 })), 1));
  expect(error).toBeInstanceOf(KvCompactedError);
  expect(error).toMatchObject({ code: "compacted", firstRevision: 6 });
  expect(await rejection(kv.watch({}, { fromRevision: 5 }).started())).toBeInstanceOf(KvCompactedError);
  expect(revisionsOf(await take(iterate(kv.watch({}, { fromRevision: 6 })), 5))).toStrictEqual([
    6, 7, 8, 9, 10,
  ]);
});

test("a watch that was too slow goes on where it was, or is told that this is not kept any more", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const tooSlow = failure(Reason.TOO_SLOW);
  cluster.watchFaults.set("a", [breakingAfter(2, tooSlow), breakingAfter(2, tooSlow)]);
  const kv = cluster.client();
  await writeAll(kv, 1, 10);
  const watch = kv.watch({}, { fromRevision: 1 });
  const changes = iterate(watch);
  expect(revisionsOf(await take(changes, 4))).toStrictEqual([1, 2, 3, 4]);
  expect(watch.revision).toBe(3);
  cluster.store.compact(6n);
  expect(await rejection(changes.next())).toMatchObject({ code: "compacted", firstRevision: 6 });
  // Nobody was at fault, so nobody had to wait.
  expect(cluster.clock.now()).toBe(0);
});

test("a server that is behind is not believed when it says that a revision has not happened yet", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.behind.set("a", 5n);
  const kv = cluster.client();
  await writeAll(kv, 1, 10);
  const changes = await finish(cluster.clock, take(iterate(kv.watch({}, { fromRevision: 9 })), 2));
  expect(revisionsOf(changes)).toStrictEqual([9, 10]);
  // One that goes on meets such a server, too.
  cluster.behind.set("b", 0n);
  cluster.watchFaults.set("b", [breakingAfter(2)]);
  const watch = iterate(kv.watch({}, { fromRevision: 8 }));
  expect(revisionsOf(await finish(cluster.clock, take(watch, 3)))).toStrictEqual([8, 9, 10]);
});

test("a revision that the whole cluster has not reached is refused, with the one that it has", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  const kv = cluster.client();
  await kv.put("k", "1");
  const error = await finish(cluster.clock, rejection(kv.watch({}, { fromRevision: 3 }).started()));
  expect(error).toBeInstanceOf(KvFutureRevisionError);
  expect(error).toMatchObject({ code: "futureRevision", currentRevision: 1 });
  // The next one is what a watch waits for.
  expect(await kv.watch({}, { fromRevision: 2 }).started()).toBe(1);
});

const item = (modRevision: bigint): WatchResponse["changes"][number] =>
  ({
    change: {
      case: "put",
      value: { key: Uint8Array.of(1), value: Uint8Array.of(), createRevision: 1n, modRevision },
    },
  }) as WatchResponse["changes"][number];
test.each([
  ["tells a revision again", { revision: 5n, changes: [item(2n)] }],
  ["goes back", { revision: 1n, changes: [] }],
  ["tells revisions out of order", { revision: 5n, changes: [item(5n), item(4n)] }],
  ["tells more than it says", { revision: 3n, changes: [item(5n)] }],
])("a server that %s is not believed, and another one is asked", async (_, wrong) => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  const kv = cluster.client();
  await writeAll(kv, 1, 6);
  cluster.watchFaults.set("a", [telling({ revision: 2n, changes: [item(2n)] }, wrong)]);
  cluster.watchFaults.set("b", [telling({ revision: 2n, changes: [item(2n)] }, wrong)]);
  const changes = await finish(cluster.clock, take(iterate(kv.watch({}, { fromRevision: 2 })), 5));
  expect(revisionsOf(changes)).toStrictEqual([2, 3, 4, 5, 6]);
});

test("a server that falls silent is left for another one", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.watchFaults.set("a", [silent, silent]);
  cluster.watchFaults.set("b", [silent, silent]);
  const kv = cluster.client({ watchIdleMs: 1000 });
  await kv.put("k", "1");
  const watch = iterate(kv.watch({}, { fromRevision: 1 }));
  expect(revisionsOf(await take(watch, 1))).toStrictEqual([1]);
  const next = take(watch, 1);
  await cluster.clock.advance(900);
  expect(cluster.watches).toHaveLength(1);
  await cluster.clock.advance(200);
  expect(cluster.watches.map(({ address }) => address).toSorted()).toStrictEqual(["a", "b"]);
  expect(cluster.watches[0]?.signal.aborted).toBe(true);
  await kv.put("k", "2");
  expect(revisionsOf(await finish(cluster.clock, next))).toStrictEqual([2]);
});

test("a server that says from time to time that there is nothing new is not left", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  const beating: WatchFault = async function* () {
    for (;;) {
      yield { revision: 0n, changes: [] } as unknown as WatchResponse;
      await new Promise<void>((resolve) => cluster.clock.after(900, resolve));
    }
  };
  cluster.watchFaults.set("a", [beating]);
  const watch = cluster.client({ watchIdleMs: 1000, random: () => 0 }).watch();
  await watch.started();
  const next = iterate(watch).next();
  await cluster.clock.advance(20_000);
  expect(cluster.watches).toHaveLength(1);
  watch.close();
  expect(await next).toMatchObject({ done: true });
});

test("a server that says that there is nothing new, while there is, is left for another one", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  let told = 0;
  const cutOff: WatchFault = async function* (serve) {
    for await (const response of serve()) {
      // Told when it begins; then it hears nothing of the others any more.
      for (;;) {
        told += 1;
        yield response;
        await new Promise<void>((resolve) => cluster.clock.after(900, resolve));
      }
    }
  };
  cluster.watchFaults.set("a", [cutOff]);
  const kv = cluster.client({ watchIdleMs: 1000, random: () => 0 });
  const watch = kv.watch();
  await watch.started();
  const next = take(iterate(watch), 1);
  // As long as it is right, it is not left.
  await cluster.clock.advance(10_000);
  expect(cluster.watches).toHaveLength(1);
  await kv.put("k", "1");
  expect(revisionsOf(await finish(cluster.clock, next))).toStrictEqual([1]);
  expect(cluster.watches.map(({ address }) => address)).toStrictEqual(["a", "b"]);
  expect(told).toBeLessThan(16);
});

test("a server that never answers is left for another one after the time of an attempt", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.watchFaults.set("a", [telling()]);
  const started = cluster
    .client({ attemptTimeoutMs: 100, random: () => 0 })
    .watch()
    .started();
  await cluster.clock.advance(101);
  expect(await started).toBe(0);
});

test("nothing is fetched ahead: a watch that nobody reads costs its server and its client nothing", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  await writeAll(kv, 1, 200);
  const changes = iterate(kv.watch({}, { fromRevision: 1 }));
  await take(changes, 3);
  await settle();
  expect(cluster.responses).toBeLessThan(10);
  expect(await take(changes, 197)).toHaveLength(197);
});

test("revision is what has been dealt with: the last change has been if the next one was asked for", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  await kv.batch([
    { op: "put", key: "a", value: "1" },
    { op: "put", key: "b", value: "1" },
  ]);
  await kv.put("c", "1");
  const watch = kv.watch({}, { fromRevision: 1 });
  const changes = iterate(watch);
  await take(changes, 2);
  expect(watch.revision).toBe(0);
  await take(changes, 1);
  expect(watch.revision).toBe(1);
});

test("updates keep what belongs together together, and say that there is nothing new", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  await kv.batch([
    { op: "put", key: "a", value: "1" },
    { op: "put", key: "b", value: "1" },
  ]);
  const seen: [number, number][] = [];
  for await (const { revision, changes } of kv.watch({ prefix: "a" }, { fromRevision: 1 }).updates()) {
    seen.push([revision, changes.length]);
    if (revision === 1) await kv.put("b", "2");
    if (revision === 2) break;
  }
  expect(seen).toStrictEqual([
    [1, 1],
    [2, 0],
  ]);
  await settle();
  expect(cluster.watches[0]?.signal.aborted).toBe(true);
});

test.each(["close", "abort", "break", "client"] as const)(
  "%s ends a watch, and its server hears of it",
  async (how) => {
    const cluster = new FaultyCluster({ a: serving });
    const kv = cluster.client();
    const controller = new AbortController();
    await kv.put("k", "1");
    const watch = kv.watch({}, { fromRevision: 1, signal: controller.signal });
    const changes = iterate(watch);
    await take(changes, 1);
    const next = changes.next();
    const end = next.then(
      ({ done }) => (done === true ? "done" : "a change"),
      (error: { readonly code: string }) => error.code,
    );
    await settle();
    if (how === "close") watch.close();
    if (how === "abort") controller.abort();
    if (how === "break") await changes.return?.();
    if (how === "client") kv.close();
    expect(await end).toBe({ close: "done", abort: "aborted", break: "done", client: "closed" }[how]);
    await settle();
    expect(cluster.watches[0]?.signal.aborted).toBe(true);
    expect(cluster.clock.pending).toBe(0);
  },
);

test("a watch of a closed client, and a second iteration, are refused", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  await kv.put("k", "1");
  const watch = kv.watch({}, { fromRevision: 1 });
  const first = iterate(watch);
  await take(first, 1);
  await expect(iterate(watch).next()).rejects.toThrow("iterated once");
  // The one that has it is not harmed.
  await kv.put("k", "2");
  expect(await take(first, 1)).toHaveLength(1);
  kv.close();
  expect(await rejection(kv.watch().started())).toBeInstanceOf(KvClosedError);
});

test("a watch without any server waits as long as it has patience, and says what it has tried", async () => {
  const cluster = new FaultyCluster({ a: dead, b: dead });
  const refused = Array.from({ length: 10_000 }, () => breakingAfter(0));
  cluster.watchFaults.set("a", refused);
  cluster.watchFaults.set("b", [...refused]);
  const watch = cluster.client().watch({}, { patienceMs: 5000 });
  const error = await finish(cluster.clock, rejection(watch.started()));
  expect(error).toBeInstanceOf(KvTimeoutError);
  expect((error as KvTimeoutError).lastErrors.size).toBe(2);
  expect(cluster.clock.now()).toBeGreaterThanOrEqual(5000);
  expect(cluster.watches.length).toBeLessThan(60);
});

test("each watch begins at any of the servers", async () => {
  let drawn = 0;
  const cluster = new FaultyCluster({ a: serving, b: serving, c: serving });
  const kv = cluster.client({ random: () => drawn });
  for (drawn of [0, 0.4, 0.99]) await kv.watch().started();
  expect(cluster.watches.map(({ address }) => address)).toStrictEqual(["a", "b", "c"]);
});

test("patience begins anew with each response", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const outage = Array.from({ length: 4 }, () => breakingAfter(0));
  cluster.watchFaults.set("a", [breakingAfter(1), ...outage, breakingAfter(1), ...outage]);
  const kv = cluster.client({ random: () => 1, maxPauseMs: 100 });
  await writeAll(kv, 1, 3);
  // Each of the outages takes four pauses, 25 + 50 + 100 + 100 ms.
  const changes = take(iterate(kv.watch({}, { fromRevision: 1, patienceMs: 300 })), 3);
  expect(revisionsOf(await finish(cluster.clock, changes))).toStrictEqual([1, 2, 3]);
});
