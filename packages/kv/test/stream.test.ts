import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  KvBusyError,
  KvInvalidArgumentError,
  KvRefusedError,
  KvSessionExpiredError,
  type KvStream,
  KvTimeoutError,
  KvUnsupportedError,
} from "@eraft/kv";
import {
  FailureSchema,
  Reason,
  type StreamCall,
  type StreamReply,
  type StreamResponse,
} from "@eraft/proto/eraft/kv/v1";
import { expect, test } from "vitest";
import { FaultyCluster, type StreamFault, serving } from "./support/faulty-cluster.ts";
import { finish, settle } from "./support/manual-clock.ts";

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** Answers so many calls, then does all the others that have come and says nothing of them. */
const breakingAfter = (answers: number): StreamFault =>
  async function* (serve) {
    let left = answers;
    for await (const { replies } of serve()) {
      yield { replies: replies.slice(0, left) } as StreamResponse;
      left -= replies.length;
      if (left <= 0) throw new ConnectError("connection reset", Code.Unavailable);
    }
  };

/** Takes everything, does nothing. */
const hanging: StreamFault = async function* (_serve, requests) {
  for await (const request of requests) if (request.calls.length > 1e9) yield {} as StreamResponse;
};

const failing = (error: ConnectError): StreamFault => {
  const answer = async (): Promise<StreamResponse> => {
    throw error;
  };
  return async function* () {
    yield await answer();
  };
};

/** Refuses every call for `reason`. */
const refusing = (reason: Reason, leaderAddress = ""): StreamFault =>
  async function* (_serve, requests) {
    for await (const { calls } of requests) {
      const value = create(FailureSchema, { reason, leaderAddress });
      const replies = calls.map(({ callId }) => ({ callId, reply: { case: "failure", value } }));
      yield { replies } as unknown as StreamResponse;
    }
  };

const serials = (cluster: FaultyCluster): string[] =>
  cluster.messages.flat().flatMap(({ call }) => {
    const serial = call.value !== undefined && "serial" in call.value ? call.value.serial : undefined;
    return serial === undefined ? [] : [`${serial.sessionId}/${serial.sequence}`];
  });

/** Appends numbers to one key, so that what was done, how often and in which order can be read from it. */
const appendAll = (stream: KvStream, count: number): Promise<unknown>[] =>
  Array.from({ length: count }, (_, at) => stream.append("log", `${at} `));
const allOf = (count: number): string => Array.from({ length: count }, (_, at) => `${at} `).join("");

test("many calls go in few messages, and are done in the order of the calls, in a session of the stream's own", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const kv = cluster.client();
  const stream = kv.stream();
  await Promise.all([kv.put("other", "1"), ...appendAll(stream, 500)]);
  expect((await stream.get("log"))?.text).toBe(allOf(500));
  expect(cluster.messages.length).toBeLessThan(10);
  expect(cluster.streams).toStrictEqual(["a"]);
  expect(new Set(cluster.store.done).size).toBe(501);
  expect(stream.pending).toBe(0);
  stream.close();
});

test("a stream has all the operations of the client", async () => {
  const stream = new FaultyCluster({ a: serving }).client().stream();
  expect(await stream.put("k", "1")).toStrictEqual({ revision: 1 });
  expect((await stream.get("k"))?.text).toBe("1");
  expect(await stream.compareAndSwap("k", { value: "1" }, "2")).toMatchObject({
    swapped: true,
    item: { text: "2" },
  });
  expect((await stream.scanPage({})).items).toHaveLength(1);
  expect(await stream.batch([{ op: "delete", key: "k" }])).toMatchObject({ done: true, results: [true] });
  expect(await stream.delete("k")).toStrictEqual({ deleted: false, revision: 3 });
  expect(await rejection(stream.put("", "1"))).toBeInstanceOf(KvInvalidArgumentError);
});

test("what has no answer when the stream breaks is sent again over another one, and done once, in order", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  const faults = [3, 0, 17, 1, 40, 0].map(breakingAfter);
  cluster.streamFaults.set("a", [...faults]);
  cluster.streamFaults.set("b", [...faults]);
  const stream = cluster.client().stream({ maxInFlight: 32 });
  await finish(cluster.clock, Promise.all(appendAll(stream, 300)));
  expect((await stream.get("log"))?.text).toBe(allOf(300));
  expect(cluster.streams.length).toBeGreaterThan(6);
  expect(serials(cluster).length).toBeGreaterThan(300);
});

test("a server that does not lead is left for the one that does, and the order is kept", async () => {
  const cluster = new FaultyCluster({ "http://a:1": serving, "http://b:1": serving, "http://c:1": serving });
  cluster.streamFaults.set("http://a:1", [refusing(Reason.NOT_LEADER, "c:1")]);
  const stream = cluster.client().stream();
  await finish(cluster.clock, Promise.all(appendAll(stream, 20)));
  expect(cluster.streams).toStrictEqual(["http://a:1", "http://c:1"]);
  expect((await stream.get("log"))?.text).toBe(allOf(20));
});

test("a busy server is given a pause, and asked again", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.streamFaults.set("a", [refusing(Reason.BUSY)]);
  const stream = cluster.client().stream();
  await finish(cluster.clock, Promise.all(appendAll(stream, 20)));
  expect(cluster.streams).toStrictEqual(["a", "a"]);
  expect(cluster.clock.now()).toBeGreaterThan(10);
});

test("a refusal is of one call, and the others go on", async () => {
  const cluster = new FaultyCluster({ a: serving });
  cluster.streamFaults.set("a", [
    async function* (_serve, requests) {
      for await (const { calls } of requests) {
        const replies = calls.map((call): StreamReply => {
          if (call.callId !== 2n) return cluster.store.answer(call);
          const value = create(FailureSchema, { reason: Reason.STORE_FULL, message: "full" });
          return { callId: call.callId, reply: { case: "failure", value } } as StreamReply;
        });
        yield { replies } as StreamResponse;
      }
    },
  ]);
  const stream = cluster.client().stream();
  const [first, second, third] = await Promise.allSettled([
    stream.put("a", "1"),
    stream.put("b", "1"),
    stream.put("c", "1"),
  ]);
  expect([first?.status, third?.status]).toStrictEqual(["fulfilled", "fulfilled"]);
  const reason = second?.status === "rejected" ? second.reason : null;
  expect(reason).toBeInstanceOf(KvRefusedError);
  expect(reason).toMatchObject({ reason: "storeFull", outcome: "not-done" });
});

test("a session that is forgotten is replaced for writes that were sent once, in their order", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const stream = cluster.client().stream({ maxInFlight: 8 });
  await stream.append("log", "0 ");
  cluster.store.sessions.clear();
  const rest = Array.from({ length: 20 }, (_, at) => stream.append("log", `${at + 1} `));
  await finish(cluster.clock, Promise.all(rest));
  expect((await stream.get("log"))?.text).toBe(allOf(21));
  expect(cluster.store.sessions.size).toBe(1);
});

test("a write that may have been done in a session that is forgotten is not done again", async () => {
  const cluster = new FaultyCluster({ a: serving });
  cluster.streamFaults.set("a", [
    async function* (serve) {
      for await (const _ of serve()) {
        cluster.store.sessions.clear();
        throw new ConnectError("lost", Code.Unavailable);
      }
      yield {} as StreamResponse;
    },
  ]);
  const stream = cluster.client().stream();
  const error = await finish(cluster.clock, rejection(stream.append("log", "0 ")));
  expect(error).toBeInstanceOf(KvSessionExpiredError);
  expect(error).toMatchObject({ outcome: "unknown" });
  await finish(cluster.clock, stream.append("log", "1 "));
  expect((await stream.get("log"))?.text).toBe("0 1 ");
});

test("no more than maxInFlight are without answer, and those that wait are bounded, too", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let most = 0;
  cluster.streamFaults.set("a", [
    async function* (_serve, requests) {
      const calls: StreamCall[] = [];
      const reading = (async () => {
        for await (const request of requests) calls.push(...request.calls);
      })();
      await gate;
      for (;;) {
        most = Math.max(most, calls.length);
        const batch = calls.splice(0);
        if (batch.length > 0) {
          yield { replies: batch.map((call) => cluster.store.answer(call)) } as StreamResponse;
          continue;
        }
        const ended = await Promise.race([reading.then(() => true), settle().then(() => false)]);
        if (ended) return;
      }
    },
  ]);
  const stream = cluster.client().stream({ maxInFlight: 4, maxWaiting: 10 });
  const first = appendAll(stream, 4);
  await settle();
  const waiting = Array.from({ length: 10 }, (_, at) => stream.append("log", `${at + 4} `));
  const error = await rejection(stream.put("one", "too many"));
  expect(error).toBeInstanceOf(KvBusyError);
  expect(error).toMatchObject({ code: "busy", outcome: "not-done", attempts: 0 });
  let isReady = false;
  void stream.ready().then(() => (isReady = true));
  await settle();
  expect(isReady).toBe(false);
  open();
  await Promise.all([...first, ...waiting]);
  await settle();
  expect(isReady).toBe(true);
  expect(most).toBe(4);
  expect((await stream.get("log"))?.text).toBe(allOf(14));
  stream.close();
});

test("a server that takes calls and says nothing is left after the time of an attempt", async () => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.streamFaults.set("a", [hanging]);
  const stream = cluster.client({ attemptTimeoutMs: 100 }).stream();
  await finish(cluster.clock, Promise.all(appendAll(stream, 10)));
  expect(cluster.streams).toStrictEqual(["a", "b"]);
  expect((await stream.get("log"))?.text).toBe(allOf(10));
});

test("at the deadline, what was sent may have been done, and what was not sent was not", async () => {
  const cluster = new FaultyCluster({ a: serving });
  cluster.streamFaults.set(
    "a",
    Array.from({ length: 100 }, () => hanging),
  );
  const stream = cluster.client({ deadlineMs: 2000 }).stream({ maxInFlight: 1 });
  const calls = [stream.put("a", "1"), stream.put("b", "1"), stream.get("a", { deadlineMs: 500 })];
  const errors = await finish(cluster.clock, Promise.all(calls.map(rejection)));
  for (const error of errors) expect(error).toBeInstanceOf(KvTimeoutError);
  expect(errors).toMatchObject([{ outcome: "unknown" }, { outcome: "not-done" }, { outcome: "not-done" }]);
  expect(cluster.clock.now()).toBeLessThan(2600);
  stream.close();
  expect(cluster.clock.pending).toBe(0);
});

test("a write that is given up does not keep the window from moving", async () => {
  const cluster = new FaultyCluster({ a: serving });
  const given = new AbortController();
  cluster.streamFaults.set("a", [
    async function* (_serve, requests) {
      for await (const { calls } of requests) {
        // Never an answer to the first one.
        const replies = calls.filter(({ callId }) => callId !== 1n).map((call) => cluster.store.answer(call));
        yield { replies } as StreamResponse;
      }
    },
  ]);
  const stream = cluster.client({ attemptTimeoutMs: 600_000, deadlineMs: 600_000 }).stream();
  const first = rejection(stream.append("other", "x", { signal: given.signal }));
  const rest = appendAll(stream, 1200);
  await settle();
  await settle();
  expect(cluster.store.done.length).toBe(1023);
  given.abort();
  expect(await first).toMatchObject({ code: "aborted", outcome: "unknown" });
  await Promise.all(rest);
  expect((await stream.get("log"))?.text).toBe(allOf(1200));
});

test.each(["stream", "client"] as const)(
  "closing the %s ends its calls, and says what became of them",
  async (what) => {
    const cluster = new FaultyCluster({ a: serving });
    cluster.streamFaults.set("a", [hanging]);
    const kv = cluster.client();
    const stream = kv.stream({ maxInFlight: 1 });
    const ends = [rejection(stream.put("a", "1")), rejection(stream.put("b", "1"))];
    await settle();
    (what === "stream" ? stream : kv).close();
    expect(await Promise.all(ends)).toMatchObject([
      { code: "closed", outcome: "unknown" },
      { code: "closed", outcome: "not-done" },
    ]);
    expect(await rejection(stream.get("a"))).toMatchObject({ code: "closed" });
    expect(cluster.clock.pending).toBe(0);
  },
);

test.each([
  ["a browser's transport", new ConnectError("The fetch API does not support streaming request bodies")],
  ["HTTP/1.1", new ConnectError("HTTP 505")],
  ["a server without streams", new ConnectError("unimplemented", Code.Unimplemented)],
])("over %s there is no stream, and its calls say so", async (_, error) => {
  const cluster = new FaultyCluster({ a: serving, b: serving });
  cluster.streamFaults.set("a", [failing(error)]);
  cluster.streamFaults.set("b", [failing(error)]);
  const kv = cluster.client();
  const stream = kv.stream();
  const failed = await finish(cluster.clock, rejection(stream.put("a", "1")));
  expect(failed).toBeInstanceOf(KvUnsupportedError);
  expect(failed).toMatchObject({ code: "unsupported", outcome: "not-done" });
  expect(await rejection(stream.get("a"))).toBeInstanceOf(KvUnsupportedError);
  // The client itself goes on.
  expect(await kv.put("a", "1")).toStrictEqual({ revision: 1 });
});

test.each([{ maxInFlight: 0 }, { maxInFlight: 1025 }, { maxWaiting: 0.5 }])(
  "a stream with %o is none",
  (options) => {
    expect(() => new FaultyCluster({ a: serving }).client().stream(options)).toThrow(KvInvalidArgumentError);
  },
);
