import { getEventListeners } from "node:events";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  KvAbortedError,
  KvClient,
  KvClosedError,
  KvInvalidArgumentError,
  KvRefusedError,
  KvSessionExpiredError,
  KvTimeoutError,
} from "@eraft/kv";
import { Reason } from "@eraft/proto/eraft/kv/v1";
import { expect, expectTypeOf, test } from "vitest";
import {
  type Fault,
  FaultyCluster,
  dead,
  hanging,
  losingReply,
  notLeading,
  refusing,
  serving,
} from "./support/faulty-cluster.ts";
import { finish, settle } from "./support/manual-clock.ts";

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Only writes are harmed; sessions are opened. */
const forWrites =
  (fault: Fault): Fault =>
  (serve, arrived) =>
    arrived.method === "openSession" ? serve() : fault(serve, arrived);

test("text and bytes go in, items come out, and everything has a revision", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  expect(await kv.get("colour")).toBeNull();
  expect(await kv.put("colour", "blue")).toStrictEqual({ revision: 1 });
  expect(await kv.append("colour", "-green")).toStrictEqual({ revision: 2 });
  const item = await kv.get(new TextEncoder().encode("colour"));
  expect(item).toMatchObject({ text: "blue-green", keyText: "colour", createRevision: 1, modRevision: 2 });
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0, 255);
  await kv.put(bytes, bytes);
  const found = await kv.get(bytes);
  expect([...(found?.key ?? [])]).toStrictEqual([...bytes]);
  expect([...(found?.value ?? [])]).toStrictEqual([...bytes]);
  expect(found?.text).toBe("\uFEFF\0\uFFFD");
  expect(await kv.delete(bytes)).toStrictEqual({ deleted: true, revision: 4 });
  expect(await kv.delete(bytes)).toStrictEqual({ deleted: false, revision: 4 });
});

test("what is sent is what was passed, whatever becomes of the array afterwards", async () => {
  const cluster = new FaultyCluster({ a: [serving, losingReply, serving] });
  const kv = cluster.client();
  const value = Uint8Array.of(1, 2, 3);
  const write = kv.put("k", value);
  value.fill(9);
  await finish(cluster.clock, write);
  expect([...((await kv.get("k"))?.value ?? [])]).toStrictEqual([1, 2, 3]);
});

test("compareAndSwap writes if the key is as expected, and says what is there if not", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  expect(await kv.compareAndSwap("k", { exists: true }, "1")).toStrictEqual({
    swapped: false,
    revision: 0,
    item: null,
  });
  expect(await kv.compareAndSwap("k", { exists: false }, "1")).toMatchObject({
    swapped: true,
    item: { text: "1" },
  });
  expect(await kv.compareAndSwap("k", { value: "2" }, "3")).toMatchObject({
    swapped: false,
    item: { text: "1" },
  });
  expect(await kv.compareAndSwap("k", { modRevision: 1 }, "4")).toMatchObject({
    swapped: true,
    revision: 2,
    item: { text: "4" },
  });
  expect(await kv.compareAndSwap("k", { value: "4" }, null)).toStrictEqual({
    swapped: true,
    revision: 3,
    item: null,
  });
});

test("a batch does all or nothing, and its results have the types of its operations", async () => {
  const kv = new FaultyCluster({ a: serving }).client();
  const answer = await kv.batch(
    [
      { op: "put", key: "a", value: "1" },
      { op: "append", key: "a", value: "2" },
      { op: "get", key: "a" },
      { op: "delete", key: "b" },
    ],
    { when: [{ key: "a", exists: false }] },
  );
  if (!answer.done) throw new Error("it was not done");
  const [put, append, item, deleted] = answer.results;
  expectTypeOf(put).toEqualTypeOf<null>();
  expectTypeOf(deleted).toEqualTypeOf<boolean>();
  expect([put, append, item?.text, deleted, answer.revision]).toStrictEqual([null, null, "12", false, 1]);
  const conditions = [
    { key: "a", value: "12" },
    { key: "a", modRevision: 7 },
  ];
  expect(await kv.batch([{ op: "delete", key: "a" }], { when: conditions })).toStrictEqual({
    done: false,
    revision: 1,
    failedCondition: 1,
  });
});

test("scan reads page after page, as they are asked for", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  for (const key of ["a", "user/1", "user/2", "user/3", "user/4", "v"]) await kv.put(key, key);
  const keys = async (...args: Parameters<KvClient["scan"]>): Promise<string[]> =>
    (await collect(kv.scan(...args))).map(({ keyText }) => keyText);
  expect(await keys()).toHaveLength(6);
  const before = cluster.arrived.length;
  expect(await keys({ prefix: "user/" }, { pageSize: 2 })).toStrictEqual([
    "user/1",
    "user/2",
    "user/3",
    "user/4",
  ]);
  expect(cluster.arrived.length - before).toBe(2);
  expect(await keys({ prefix: "user/" }, { pageSize: 2, limit: 3 })).toHaveLength(3);
  expect(await keys({ start: "user/2", end: "v" }, { descending: true, pageSize: 1 })).toStrictEqual([
    "user/4",
    "user/3",
    "user/2",
  ]);
  const range = kv.scan({ prefix: "user/" }, { pageSize: 1, keysOnly: true });
  const asked = cluster.arrived.length;
  for await (const item of range) {
    expect(item.value).toHaveLength(0);
    break;
  }
  expect(cluster.arrived.length - asked).toBe(1);
  // The same scan again begins at its beginning.
  expect(await collect(range)).toHaveLength(4);
  const page = await kv.scanPage({ prefix: "user/" }, { limit: 3 });
  expect(page).toMatchObject({ revision: 6, items: { length: 3 } });
  const { nextPageToken } = page;
  if (nextPageToken === null) throw new Error("there is another page");
  expect(
    (await kv.scanPage({ prefix: "user/" }, { limit: 3, pageToken: nextPageToken })).nextPageToken,
  ).toBeNull();
});

const large = "x".repeat(1_048_577);
const bad: Readonly<Record<string, (kv: KvClient) => unknown>> = {
  "an empty key": (kv) => kv.get(""),
  "a key that is too long": (kv) => kv.get("k".repeat(4097)),
  "a key that is no key": (kv) => kv.get(7 as unknown as string),
  "a lone surrogate": (kv) => kv.put("k", "\uD800"),
  "a value that is too large": (kv) => kv.put("k", large),
  "an unknown consistency": (kv) => kv.get("k", { consistency: "fresh" as "stale" }),
  "a deadline of nothing": (kv) => kv.get("k", { deadlineMs: 0 }),
  "prefix and start": (kv) => kv.scanPage({ prefix: "a", start: "b" }),
  "a limit of 0": (kv) => kv.scanPage({}, { limit: 0 }),
  "a limit that is too high": (kv) => kv.scanPage({}, { limit: 10_001 }),
  "a page of half an item": async (kv) => kv.scan({}, { pageSize: 0.5 }),
  "a negative limit": async (kv) => kv.scan({}, { limit: -1 }),
  "nothing expected": (kv) => kv.compareAndSwap("k", {} as { exists: true }, "v"),
  "two things expected": (kv) => kv.compareAndSwap("k", { exists: true, value: "1" }, "v"),
  "revision 0 expected": (kv) => kv.compareAndSwap("k", { modRevision: 0 }, "v"),
  "an empty batch": (kv) => kv.batch([]),
  "a batch of 129": (kv) => kv.batch(Array.from({ length: 129 }, () => ({ op: "get", key: "k" }) as const)),
  "a batch of three large values": (kv) =>
    kv.batch(Array.from({ length: 3 }, () => ({ op: "put", key: "k", value: large.slice(1) }) as const)),
  "an unknown operation": (kv) =>
    kv.batch([{ op: "increment", key: "k" } as unknown as { op: "get"; key: "k" }]),
  "a watch from revision 0": async (kv) => kv.watch({}, { fromRevision: 0 }),
  "a watch of no patience": async (kv) => kv.watch({}, { patienceMs: 0 }),
};
test.each(Object.entries(bad))("%s is refused, and nothing is sent", async (_, call) => {
  const cluster = new FaultyCluster({ a: serving });
  expect(await rejection(Promise.resolve(call(cluster.client())))).toBeInstanceOf(KvInvalidArgumentError);
  expect(cluster.connected).toStrictEqual([]);
});

test.each([
  { addresses: [] },
  { maxConcurrentWrites: 0 },
  { maxConcurrentWrites: 1025 },
  { deadlineMs: -1 },
  { attemptTimeoutMs: Number.NaN },
  { watchIdleMs: 0 },
])("a client with %o is none", (options) => {
  expect(() => new FaultyCluster({ a: serving }).client(options)).toThrow(KvInvalidArgumentError);
});

test("the leader is found once and then asked at once; what servers say of it is followed, with or without http://", async () => {
  const cluster = new FaultyCluster({
    "http://a:1": notLeading("c:1"),
    "http://b:1": dead,
    "http://c:1": serving,
  });
  const kv = cluster.client();
  await kv.put("k", "1");
  await kv.get("k");
  expect(cluster.asked).toStrictEqual(["http://a:1", "http://c:1", "http://c:1", "http://c:1"]);
  const stranger = new FaultyCluster({ a: notLeading("evil"), b: serving });
  await finish(stranger.clock, stranger.client().put("k", "1"));
  expect(stranger.connected).toStrictEqual(["a", "b"]);
});

test("a stale read goes to each server in turn", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving, c: serving });
  const kv = cluster.client();
  await kv.put("k", "1");
  cluster.arrived.length = 0;
  for (let at = 0; at < 3; at += 1) await kv.get("k", { consistency: "stale" });
  expect(cluster.asked.toSorted()).toStrictEqual(["a", "b", "c"]);
});

test("a write whose answer was lost is sent again with the same serial, and done once", async () => {
  const cluster = new FaultyCluster({ a: [serving, losingReply, serving], b: notLeading("a") });
  const kv = cluster.client();
  await finish(cluster.clock, kv.append("k", "x"));
  expect((await kv.get("k"))?.text).toBe("x");
  expect(cluster.store.done).toStrictEqual(["1/1"]);
  expect(cluster.serials).toStrictEqual(["1/1<1", "1/1<1", "1/1<1"]);
});

test("one session serves all writes, opened by the first one; every write says what is answered", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  await Promise.all([kv.put("a", "1"), kv.put("b", "2"), kv.put("c", "3")]);
  await kv.put("d", "4");
  expect(cluster.arrived.filter(({ method }) => method === "openSession")).toHaveLength(1);
  expect(cluster.serials.at(-1)).toBe("1/4<4");
  expect(cluster.store.done.toSorted()).toStrictEqual(["1/1", "1/2", "1/3", "1/4"]);
});

test("a write that has no answer yet is not given up by those after it", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const late: Fault = async (serve) => {
    await gate;
    return serve();
  };
  const cluster = new FaultyCluster({ a: [serving, late, serving] });
  const kv = cluster.client();
  const first = kv.put("a", "1");
  await kv.put("b", "2");
  await kv.put("c", "3");
  expect(cluster.serials).toStrictEqual(["1/1<1", "1/2<1", "1/3<1"]);
  open();
  await first;
  await kv.put("d", "4");
  expect(cluster.serials.at(-1)).toBe("1/4<4");
});

test("writes beyond maxConcurrentWrites wait in their order, and one that gives up waiting lets nobody pass", async () => {
  const cluster = new FaultyCluster({ a: [serving, hanging, serving] });
  const kv = cluster.client({ maxConcurrentWrites: 1, attemptTimeoutMs: 100 });
  const given = new AbortController();
  const writes = [
    kv.append("k", "1"),
    rejection(kv.append("k", "2", { signal: given.signal })),
    kv.append("k", "3"),
    kv.append("k", "4"),
  ];
  await settle();
  given.abort();
  expect(await writes[1]).toMatchObject({ outcome: "not-done", attempts: 0 });
  expect(cluster.arrived).toHaveLength(2);
  await finish(cluster.clock, Promise.all(writes));
  expect((await kv.get("k"))?.text).toBe("134");
});

test("one that gives up while another one opens the session does not let those behind it open one, too", async () => {
  const cluster = new FaultyCluster({ a: hanging });
  const kv = cluster.client();
  const given = new AbortController();
  const writes = [
    rejection(kv.put("k", "1")),
    rejection(kv.put("k", "2", { signal: given.signal })),
    rejection(kv.put("k", "3")),
  ];
  await settle();
  given.abort();
  await writes[1];
  await settle();
  expect(cluster.arrived).toHaveLength(1);
  kv.close();
  await Promise.all(writes);
});

test("no write leaves the window of 1,024 that servers keep, however long the first one takes", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const late: Fault = async (serve) => {
    await gate;
    return serve();
  };
  const cluster = new FaultyCluster({ a: [serving, late, serving] });
  // Connect keeps the deadline of an attempt by the real clock, too: on a busy machine, a second may pass here.
  const patient = { attemptTimeoutMs: 600_000, deadlineMs: 600_000 };
  const kv = cluster.client({ maxConcurrentWrites: 1024, ...patient });
  const writes = Array.from({ length: 1100 }, () => kv.append("k", "."));
  await settle();
  expect(cluster.serials.length).toBe(1024);
  open();
  await Promise.all(writes);
  expect(cluster.serials.at(-1)).toMatch(/^1\/1100</);
  expect(cluster.store.done.length).toBe(1100);
});

test("a session that the servers have forgotten is replaced, if nothing of the write was ever sent", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  await kv.put("k", "1");
  cluster.store.sessions.clear();
  await finish(cluster.clock, Promise.all([kv.append("k", "2"), kv.append("k", "3")]));
  expect((await kv.get("k"))?.text).toHaveLength(3);
  expect(cluster.store.done.toSorted()).toStrictEqual(["1/1", "2/1", "2/2"]);
});

test("a write that may have been done in a session that is forgotten is not done again", async () => {
  const forgetting: Fault = async (serve) => {
    await serve();
    cluster.store.sessions.clear();
    throw new ConnectError("lost", Code.Unavailable);
  };
  const cluster = new FaultyCluster({ a: [serving, forgetting, serving] });
  const kv = cluster.client();
  const error = await finish(cluster.clock, rejection(kv.append("k", "1")));
  expect(error).toBeInstanceOf(KvSessionExpiredError);
  expect(error).toMatchObject({ outcome: "unknown", code: "sessionExpired" });
  expect((await kv.get("k"))?.text).toBe("1");
  // The next write has a session of its own.
  await finish(cluster.clock, kv.append("k", "2"));
  expect(cluster.store.done).toStrictEqual(["1/1", "2/1"]);
});

test("a session that could not be opened by one call is opened by the next, and no write is in doubt", async () => {
  const cluster = new FaultyCluster({ a: [hanging, hanging, serving] });
  const kv = cluster.client({ attemptTimeoutMs: 5000, deadlineMs: 100 });
  const first = rejection(kv.put("k", "1"));
  const second = kv.put("k", "2", { deadlineMs: 20_000 });
  expect(await finish(cluster.clock, first)).toMatchObject({ code: "timeout", outcome: "not-done" });
  await finish(cluster.clock, second);
  expect((await kv.get("k"))?.text).toBe("2");
});

const REFUSALS = [
  [Reason.INVALID, "invalid", "unknown"],
  [Reason.VALUE_TOO_LARGE, "valueTooLarge", "not-done"],
  [Reason.STORE_FULL, "storeFull", "not-done"],
  [Reason.ANSWER_TOO_LARGE, "answerTooLarge", "not-done"],
  [Reason.SEQUENCE_OUT_OF_WINDOW, "outOfWindow", "unknown"],
] as const;
test.each(REFUSALS)(
  "reason %i is a refusal for good: %s; after an attempt without answer: %s",
  async (...row) => {
    const [reason, name, afterwards] = row;
    const at = new FaultyCluster({ a: forWrites(refusing(reason)) });
    const error = await rejection(at.client().put("k", "1"));
    expect(error).toBeInstanceOf(KvRefusedError);
    expect(error).toMatchObject({ reason: name, outcome: "not-done", attempts: 1 });
    const late = new FaultyCluster({ a: [serving, losingReply, refusing(reason)] });
    const again = await finish(late.clock, rejection(late.client().put("k", "1")));
    expect(again).toMatchObject({ reason: name, outcome: afterwards });
  },
);

const OUTCOMES: readonly (readonly [string, Fault, "not-done" | "unknown"])[] = [
  ["no answer", hanging, "unknown"],
  ["a connection that breaks", losingReply, "unknown"],
  ["a busy server", refusing(Reason.BUSY), "not-done"],
  ["a server that does not lead", notLeading(), "not-done"],
  ["a leader that loses its leadership", refusing(Reason.NOT_LEADER, { outcomeUnknown: true }), "unknown"],
  ["a server out of time", refusing(Reason.TIMEOUT, { outcomeUnknown: true }), "unknown"],
  ["a server that has not started", refusing(Reason.NOT_SERVING), "not-done"],
  ["a server that stops", refusing(Reason.NOT_SERVING, { outcomeUnknown: true }), "unknown"],
  ["a reason of the future", refusing(99 as Reason, { outcomeUnknown: true }), "unknown"],
];
test.each(OUTCOMES)(
  "with %s until the deadline, a write is %#: told as what it is",
  async (_, fault, outcome) => {
    const cluster = new FaultyCluster({ a: forWrites(fault) });
    const kv = cluster.client({ deadlineMs: 3000 });
    const error = await finish(cluster.clock, rejection(kv.put("k", "1")));
    expect(error).toBeInstanceOf(KvTimeoutError);
    expect(error).toMatchObject({ outcome });
    // Nothing is in doubt about a read.
    expect(await finish(cluster.clock, rejection(kv.get("k")))).toMatchObject({ outcome: "not-done" });
  },
);

test("a busy server is asked again after a pause, and nobody else", async () => {
  const busy = refusing(Reason.BUSY);
  const cluster = new FaultyCluster({ a: [serving, busy, busy, serving], b: serving });
  await finish(cluster.clock, cluster.client().put("k", "1"));
  expect(cluster.asked).toStrictEqual(["a", "a", "a", "a"]);
  expect(cluster.clock.now()).toBeGreaterThan(30);
});

test("abort and close end calls, also those that wait for a session, and leave nothing with the caller's signal", async () => {
  const cluster = new FaultyCluster({ a: hanging });
  const kv = cluster.client();
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [kv.put("k", "1", { signal }), kv.put("k", "2", { signal }), kv.get("k", { signal })];
  const ends = calls.map(rejection);
  expect(getEventListeners(signal, "abort")).toHaveLength(3);
  await settle();
  controller.abort(new Error("enough"));
  for (const end of ends) expect(await end).toBeInstanceOf(KvAbortedError);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  const open = [rejection(kv.put("k", "3")), rejection(kv.get("k"))];
  await settle();
  kv.close();
  for (const end of open) expect(await end).toBeInstanceOf(KvClosedError);
  expect(await rejection(kv.get("k"))).toBeInstanceOf(KvClosedError);
  expect(cluster.clock.pending).toBe(0);
});
