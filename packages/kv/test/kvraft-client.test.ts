import { Code, ConnectError } from "@connectrpc/connect";

import { expect, test } from "vitest";
import {
  KvAbortedError,
  type KvCallError,
  KvraftClient,
  KvClosedError,
  KvInvalidArgumentError,
  KvRefusedError,
  KvTimeoutError,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
} from "@eraft/kv";
import {
  type Script,
  ScriptedCluster,
  answering,
  dead,
  failing,
  hanging,
  losingReply,
  notLeading,
  reading,
  serving,
} from "./support/cluster.ts";
import { finish, settle } from "./support/manual-clock.ts";

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

function unexpected(): never {
  throw new Error("not to be called");
}

test("put, append and get; the leader is found once and then asked at once", async () => {
  const cluster = new ScriptedCluster({ a: notLeading(), b: notLeading(), c: serving });
  const kv = cluster.client();
  await kv.put("k", "1");
  expect(cluster.asked).toStrictEqual(["a", "b", "c"]);
  await kv.append("k", "2");
  expect(await kv.get("k")).toBe("12");
  expect(await kv.get("no")).toBeNull();
  expect(cluster.asked.slice(3)).toStrictEqual(["c", "c", "c"]);
  expect(cluster.connected).toStrictEqual(["a", "b", "c"]);
  expect(cluster.clock.pending).toBe(0);
});

test("how new an answer has to be is told with each GET, and nothing is told if it is the usual", async () => {
  const cluster = new ScriptedCluster({ a: serving });
  const kv = cluster.client();
  for (const consistency of ["stale", "lease", "linearizable"] as const) await kv.get("k", { consistency });
  expect(cluster.node.consistencies).toStrictEqual(["stale", "lease", "linearizable"]);
  expect(cluster.headers).toStrictEqual(["stale", "lease", null]);
  const wrong = kv.get("k", { consistency: "fresh" as "stale" });
  expect(await rejection(wrong)).toBeInstanceOf(KvInvalidArgumentError);
  expect(cluster.asked).toHaveLength(3);
});

test("a server that answers a read is not taken for the leader that is known, a stale read goes to each in turn", async () => {
  const cluster = new ScriptedCluster({ a: reading, b: serving, c: reading });
  const kv = cluster.client();
  // With no leader known, whoever has answered is asked again.
  await kv.get("k");
  await kv.get("k");
  expect(cluster.asked).toStrictEqual(["a", "a"]);
  await kv.put("k", "1");
  expect(cluster.asked.slice(2)).toStrictEqual(["a", "b"]);
  for (let at = 0; at < 3; at += 1) await kv.get("k", { consistency: "stale" });
  expect(cluster.asked.slice(4).toSorted()).toStrictEqual(["a", "b", "c"]);
  await kv.put("k", "2");
  await kv.get("k");
  expect(cluster.asked.slice(7)).toStrictEqual(["b", "b"]);
});

test("a read that was answered late does not unseat the leader that a write has found meanwhile", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const late: Script = async (request, serve) => {
    await gate;
    return reading(request, serve, new Headers());
  };
  const cluster = new ScriptedCluster({ a: late, b: serving });
  const kv = cluster.client();
  const read = kv.get("k");
  await kv.put("k", "1");
  open();
  await read;
  await kv.put("k", "2");
  expect(cluster.asked).toStrictEqual(["a", "b", "b"]);
});

test("a hint is followed at once, but only to an address the client was given", async () => {
  const known = new ScriptedCluster({ a: notLeading("c"), b: notLeading(), c: serving });
  await known.client().put("k", "1");
  expect(known.asked).toStrictEqual(["a", "c"]);

  const foreign = new ScriptedCluster({ a: notLeading("evil"), b: notLeading("a"), c: serving });
  const call = foreign.client().put("k", "1");
  await finish(foreign.clock, call);
  expect(foreign.connected).not.toContain("evil");
  expect(foreign.asked.slice(0, 2)).toStrictEqual(["a", "b"]);
  expect(foreign.asked.at(-1)).toBe("c");
});

test("servers that point at each other are asked at a pace, not in a hot loop", async () => {
  const cluster = new ScriptedCluster({ a: notLeading("b"), b: notLeading("a"), c: dead });
  await finish(cluster.clock, rejection(cluster.client({ deadlineMs: 10_000 }).put("k", "1")));
  expect(cluster.received.length).toBeGreaterThan(20);
  expect(cluster.received.length).toBeLessThan(120);
});

test("two servers that point at each other do not keep a call from the third, which leads", async () => {
  const cluster = new ScriptedCluster({ a: notLeading("b"), b: notLeading("a"), c: serving });
  await finish(cluster.clock, cluster.client().put("k", "1"));
  expect(cluster.asked).toStrictEqual(["a", "b", "c"]);
});

test("an APPEND whose reply was lost is sent again with the same ids, and done once", async () => {
  const cluster = new ScriptedCluster({ a: [losingReply, serving], b: notLeading("a") });
  await finish(cluster.clock, cluster.client().append("k", "x"));
  expect(await cluster.node.machine.query({ key: "k" })).toBe("x");
  expect(cluster.node.proposed.length).toBe(2);
  const ids = cluster.received.map(({ request }) => [request.clientId, request.commandId]);
  expect(new Set(ids.map(String)).size).toBe(1);
  expect(ids[0]?.[0]).toBeGreaterThan(0n);
});

for (const [name, script] of [
  ["ErrTimeout", answering("ErrTimeout")],
  ["S15: an error string of no meaning", answering("ErrShutdown")],
  ["ErrNoKey for a write", answering("ErrNoKey")],
  ["UNAVAILABLE", dead],
  ["CANCELED by the peer", failing(Code.Canceled)],
  ["INTERNAL", failing(Code.Internal)],
  ["UNIMPLEMENTED", failing(Code.Unimplemented)],
  ["no answer", hanging],
] as const) {
  test(`${name} is no success: the next server is asked, with the same ids`, async () => {
    const cluster = new ScriptedCluster({ a: script, b: serving });
    await finish(cluster.clock, cluster.client().put("k", "1"));
    expect(cluster.asked).toStrictEqual(["a", "b"]);
    expect(cluster.received[0]?.request).toStrictEqual(cluster.received[1]?.request);
  });
}

test("a server that hangs costs one attempt's time", async () => {
  const cluster = new ScriptedCluster({ a: hanging, b: serving });
  await finish(cluster.clock, cluster.client({ attemptTimeoutMs: 300 }).put("k", "1"));
  expect(cluster.received.map(({ atMs }) => atMs)).toStrictEqual([0, 300]);
});

test("a busy leader is asked again after a pause, and not deserted", async () => {
  const cluster = new ScriptedCluster({
    a: [failing(Code.ResourceExhausted), failing(Code.ResourceExhausted), serving],
    b: dead,
  });
  await finish(cluster.clock, cluster.client().put("k", "1"));
  expect(cluster.asked).toStrictEqual(["a", "a", "a"]);
  expect(cluster.received.map(({ atMs }) => atMs)).toStrictEqual([0, 18.75, 56.25]);
});

test("pauses double up to their limit, and come after each round", async () => {
  const cluster = new ScriptedCluster({ a: notLeading(), b: notLeading() });
  await finish(cluster.clock, rejection(cluster.client({ maxPauseMs: 100, deadlineMs: 400 }).put("k", "1")));
  const times = cluster.received.map(({ atMs }) => atMs);
  expect(times).toStrictEqual([
    0, 0, 18.75, 18.75, 56.25, 56.25, 131.25, 131.25, 206.25, 206.25, 281.25, 281.25, 356.25, 356.25,
  ]);
});

test("no answer until the deadline: KvTimeoutError says whether the write may have been done", async () => {
  const nobody = new ScriptedCluster({ a: notLeading(), b: failing(Code.ResourceExhausted) });
  const done = (await finish(nobody.clock, rejection(nobody.client().put("k", "1")))) as KvTimeoutError;
  expect(done).toBeInstanceOf(KvTimeoutError);
  expect([done.outcome, done.attempts]).toStrictEqual(["not-done", nobody.received.length]);
  expect([...done.lastErrors.keys()].toSorted()).toStrictEqual(["a", "b"]);
  expect(done.message).toMatch(
    /put had no answer within 10000 ms, it was not done \(\d+ attempts; a: it is not the leader; b: /,
  );
  expect(nobody.clock.now()).toBeGreaterThanOrEqual(10_000);
  expect(nobody.clock.now()).toBeLessThan(10_010);

  const lost = new ScriptedCluster({ a: [losingReply, notLeading()], b: notLeading() });
  const unknown = (await finish(
    lost.clock,
    rejection(lost.client({ deadlineMs: 700 }).put("k", "1")),
  )) as KvTimeoutError;
  expect(unknown.outcome).toBe("unknown");
  expect(await lost.node.machine.query({ key: "k" })).toBe("1");

  const read = new ScriptedCluster({ a: hanging });
  const get = (await finish(
    read.clock,
    rejection(read.client().get("k", { deadlineMs: 50 })),
  )) as KvTimeoutError;
  expect([get.outcome, get.attempts]).toStrictEqual(["not-done", 1]);
});

test("a refused connection is certainly without effect, a broken one is not", async () => {
  const outcomes = [];
  for (const code of ["ECONNREFUSED", "ECONNRESET"]) {
    const cause = Object.assign(new Error(`connect ${code}`), { code });
    const error = new ConnectError(code, Code.Unavailable, undefined, undefined, cause);
    const transport = { unary: () => Promise.reject(error), stream: () => Promise.reject(error) };
    const { clock } = new ScriptedCluster({});
    const kv = new KvraftClient({ addresses: ["a"], clock, connect: () => transport });
    const failure = (await finish(clock, rejection(kv.put("k", "1")))) as KvTimeoutError;
    outcomes.push(failure.outcome);
  }
  expect(outcomes).toStrictEqual(["not-done", "unknown"]);
});

test("a transport that cannot be made is an error of that address only", async () => {
  const cluster = new ScriptedCluster({ a: serving });
  const kv = new KvraftClient({
    addresses: ["a"],
    clock: cluster.clock,
    connect: () => {
      throw new Error("no such host");
    },
  });
  const error = (await finish(
    cluster.clock,
    rejection(kv.put("k", "v", { deadlineMs: 100 })),
  )) as KvTimeoutError;
  expect(error.outcome).toBe("not-done");
  expect(error.lastErrors.get("a")?.message).toContain("no such host");
});

test("a refusal ends the call; only the state machine's own is certain after a lost reply", async () => {
  const full = new ScriptedCluster({ a: [losingReply, serving] });
  const kv = full.client();
  await finish(full.clock, kv.put("k", "x".repeat(MAX_VALUE_BYTES)));
  full.scripts.set("a", [losingReply, serving]);
  const refused = (await finish(full.clock, rejection(kv.append("k", "y")))) as KvCallError;
  expect(refused).toBeInstanceOf(KvRefusedError);
  expect([refused.outcome, refused.attempts]).toStrictEqual(["not-done", 2]);

  const strict = new ScriptedCluster({ a: losingReply, b: failing(Code.InvalidArgument) });
  const unsure = (await finish(strict.clock, rejection(strict.client().put("k", "y")))) as KvCallError;
  expect(unsure).toBeInstanceOf(KvRefusedError);
  expect(unsure.outcome).toBe("unknown");
});

test("a session has one command under way: 32 calls at once use 32 sessions, and later calls reuse them", async () => {
  const cluster = new ScriptedCluster({ a: serving });
  const gate = Promise.withResolvers<void>();
  cluster.node.before = () => gate.promise;
  const kv = cluster.client();
  const calls = Array.from({ length: 32 }, (_, i) => kv.append("k", String(i % 10)));
  await settle();
  expect(new Set(cluster.received.map(({ request }) => request.clientId)).size).toBe(32);
  gate.resolve();
  await Promise.all(calls);
  expect((await kv.get("k"))?.length).toBe(32);
  for (let i = 0; i < 10; i++) await kv.append("k", "x");
  expect(cluster.node.machine.sessionCount).toBe(32);
  const last = cluster.received.slice(-10).map(({ request }) => request.commandId);
  expect(last).toStrictEqual(Array.from({ length: 10 }, (_, i) => BigInt(i + 1)));
});

test("32 calls at once over servers that fail at random: every append is done once", async () => {
  const scripts = [serving, losingReply, answering("ErrTimeout"), hanging, notLeading("c"), dead];
  const mixed = (offset: number) =>
    Array.from({ length: 200 }, (_, i) => scripts[(i * 5 + offset) % 6] ?? serving);
  const cluster = new ScriptedCluster({ a: mixed(1), b: mixed(3), c: mixed(5) });
  const kv = cluster.client({ deadlineMs: 60_000 });
  await finish(cluster.clock, Promise.all(Array.from({ length: 32 }, (_, i) => kv.append("k", `[${i}]`))));
  const value = (await cluster.node.machine.query({ key: "k" })) ?? "";
  expect(value.match(/\[\d+\]/g)?.toSorted()).toStrictEqual(
    Array.from({ length: 32 }, (_, i) => `[${i}]`).toSorted(),
  );
  expect(cluster.node.proposed.length).toBeGreaterThan(32);
});

test("a session whose write has an unknown outcome is not used again", async () => {
  const cluster = new ScriptedCluster({ a: losingReply });
  const kv = cluster.client();
  const error = (await finish(
    cluster.clock,
    rejection(kv.append("k", "x", { deadlineMs: 100 })),
  )) as KvCallError;
  expect(error.outcome).toBe("unknown");
  const late = cluster.received[0]?.request.clientId;
  cluster.scripts.set("a", [serving]);
  await kv.append("k", "y");
  await kv.append("k", "z");
  const ids = cluster.received.slice(-2).map(({ request }) => request.clientId);
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(late);
});

test("a session whose write was answered is used again, however long that took", async () => {
  const cluster = new ScriptedCluster({ a: [losingReply, serving] });
  const kv = cluster.client();
  await finish(cluster.clock, kv.append("k", "x"));
  await kv.append("k", "y");
  expect(cluster.node.machine.sessionCount).toBe(1);
  expect(await kv.get("k")).toBe("xy");
});

test("writes above the bound wait their turn, and may be given up before they were sent", async () => {
  const cluster = new ScriptedCluster({ a: serving });
  const gate = Promise.withResolvers<void>();
  cluster.node.before = () => gate.promise;
  const kv = cluster.client({ maxConcurrentWrites: 1 });
  const controller = new AbortController();
  const first = kv.append("k", "1");
  const abandoned = rejection(kv.append("k", "2", { signal: controller.signal }));
  void kv.append("k", "3");
  void kv.append("k", "4");
  await settle();
  expect(cluster.received).toHaveLength(1);
  controller.abort(new Error("changed my mind"));
  const error = (await abandoned) as KvAbortedError;
  expect(error).toBeInstanceOf(KvAbortedError);
  expect([error.outcome, error.attempts, error.cause]).toStrictEqual([
    "not-done",
    0,
    new Error("changed my mind"),
  ]);
  gate.resolve();
  await first;
  await settle();
  expect(await kv.get("k")).toBe("134");
  expect(cluster.node.machine.sessionCount).toBe(1);
});

test("retired sessions make room for waiting writes", async () => {
  const cluster = new ScriptedCluster({ a: hanging });
  const kv = cluster.client({ maxConcurrentWrites: 1 });
  const first = rejection(kv.append("k", "1", { deadlineMs: 100 }));
  const second = kv.append("k", "2");
  await cluster.clock.advance(99);
  expect(cluster.received).toHaveLength(1);
  cluster.scripts.set("a", [serving]);
  await cluster.clock.advance(1);
  expect(await first).toBeInstanceOf(KvTimeoutError);
  await second;
  expect(cluster.received[0]?.request.clientId).not.toBe(cluster.received[1]?.request.clientId);
});

test("aborting ends a call at once, before, between and during attempts", async () => {
  const cluster = new ScriptedCluster({ a: hanging });
  const kv = cluster.client();
  const before = (await rejection(kv.put("k", "1", { signal: AbortSignal.abort() }))) as KvCallError;
  expect(before).toBeInstanceOf(KvAbortedError);
  expect([before.outcome, cluster.received.length]).toStrictEqual(["not-done", 0]);

  const controller = new AbortController();
  const call = rejection(kv.put("k", "1", { signal: controller.signal }));
  await settle();
  controller.abort();
  const during = (await call) as KvCallError;
  expect([during.outcome, during.attempts]).toStrictEqual(["unknown", 1]);

  cluster.scripts.set("a", [notLeading()]);
  const other = new AbortController();
  const pausing = rejection(kv.put("k", "1", { signal: other.signal }));
  await settle();
  expect(cluster.received).toHaveLength(2);
  other.abort();
  expect(((await pausing) as KvCallError).outcome).toBe("not-done");
  expect(cluster.clock.pending).toBe(0);
});

test("close ends all calls, and there are none afterwards", async () => {
  const cluster = new ScriptedCluster({ a: hanging });
  const kv = cluster.client();
  const calls = [rejection(kv.put("k", "1")), rejection(kv.get("k")), rejection(kv.status())];
  await settle();
  kv.close();
  const errors = (await Promise.all(calls)) as KvCallError[];
  for (const error of errors) expect(error).toBeInstanceOf(KvClosedError);
  expect(errors.map(({ outcome }) => outcome)).toStrictEqual(["unknown", "not-done", "not-done"]);
  expect(await rejection(kv.get("k"))).toBeInstanceOf(KvClosedError);
  expect(await rejection(kv.append("k", "v"))).toBeInstanceOf(KvClosedError);
  expect(cluster.received).toHaveLength(2);
  expect(cluster.clock.pending).toBe(0);
});

test("status asks every server, and waits for none longer than for an attempt", async () => {
  const cluster = new ScriptedCluster({ a: serving, b: dead, c: hanging });
  const reports = await finish(cluster.clock, cluster.client({ attemptTimeoutMs: 200 }).status());
  expect(reports.map(({ address }) => address)).toStrictEqual(["a", "b", "c"]);
  expect(reports[0]).toMatchObject({ status: { id: 2n, state: "Leader" } });
  expect(reports[1]).toMatchObject({ error: { message: expect.stringContaining("connection refused") } });
  expect(reports[2]).toMatchObject({
    error: { message: expect.stringContaining("no answer within 200 ms") },
  });
});

test("arguments that cannot be right are refused before anything is sent", async () => {
  const cluster = new ScriptedCluster({ a: serving });
  const kv = cluster.client();
  const bad: readonly (() => Promise<unknown>)[] = [
    () => kv.put("", "v"),
    () => kv.get(""),
    () => kv.put("k".repeat(MAX_KEY_BYTES + 1), "v"),
    () => kv.append("k", "v".repeat(MAX_VALUE_BYTES + 1)),
    () => kv.put("\uD800", "v"),
    () => kv.put("k", "\uDC00"),
    () => kv.put("k", 5 as never),
    () => kv.get(undefined as never),
    () => kv.get("k", { deadlineMs: 0 }),
    () => kv.put("k", "v", { deadlineMs: NaN }),
    () => kv.put("k", "v", { deadlineMs: 2 ** 31 }),
  ];
  for (const call of bad) expect(await rejection(call())).toBeInstanceOf(KvInvalidArgumentError);
  expect(cluster.connected).toStrictEqual([]);
  for (const options of [
    { addresses: [] },
    { deadlineMs: -1 },
    { attemptTimeoutMs: 0 },
    { maxPauseMs: Infinity },
    { maxConcurrentWrites: 0 },
  ]) {
    expect(() => new KvraftClient({ addresses: ["a"], connect: unexpected, ...options })).toThrow(
      KvInvalidArgumentError,
    );
  }
});

test("client ids are random in [1, 2^62)", async () => {
  const { randomClientId } = await import("../src/client/session-pool.ts");
  const ids = Array.from({ length: 1000 }, () => randomClientId());
  expect(new Set(ids).size).toBe(1000);
  expect(ids.every((id) => id >= 1n && id < 2n ** 62n)).toBe(true);
  expect(ids.some((id) => id > 2n ** 61n)).toBe(true);
});
