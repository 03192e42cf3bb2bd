import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  Consistency,
  DeleteRequestSchema,
  FailureSchema,
  type Failure,
  KvService,
  Reason,
  type StreamCallSchema,
  type StreamRequest,
  StreamRequestSchema,
  type WatchResponse,
} from "@eraft/proto/eraft/kv/v1";
import {
  BusyError,
  NotLeaderError,
  OutcomeUnknownError,
  StoppedError,
  StorageFailedError,
} from "@eraft/runtime";
import { expect, test } from "vitest";
import {
  KvInvalidArgumentError,
  type KvStateMachineOptions,
  MAX_KEY_BYTES,
  type KvV1Options,
  kvV1Methods,
  kvV1Service,
} from "@eraft/kv";
import { FakeNode, never } from "./support/fake-node.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

class Server {
  readonly node: FakeNode;
  readonly clock: ManualClock = new ManualClock();
  readonly service: ReturnType<typeof kvV1Service>;
  readonly client: Client<typeof KvService>;

  constructor(options: KvV1Options = {}, machine: KvStateMachineOptions = {}) {
    const { clock } = this;
    this.node = new FakeNode(machine);
    this.service = kvV1Service(this.node, this.node.machine, { clock, nextTurn: queueMicrotask, ...options });
    const transport = createRouterTransport((router) => {
      router.service(
        KvService,
        kvV1Methods(() => this.service),
      );
    });
    this.client = createClient(KvService, transport);
  }

  /** Writes keys in order, each of them a revision. */
  async fill(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.client.put({ key: bytes(key), value: bytes(`value of ${key}`) });
  }
}

async function errorOf(call: Promise<unknown>): Promise<{ readonly code: Code; readonly failure: Failure }> {
  const error = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(error instanceof ConnectError)) throw new Error(`it did not fail as it should: ${String(error)}`);
  const [failure] = error.findDetails(FailureSchema);
  if (failure === undefined) throw new Error(`an error without details: ${error.message}`);
  return { code: error.code, failure };
}

test("Put, Get, Delete and CompareAndSwap do and answer what the contract says", async () => {
  const { client } = new Server();
  const key = bytes("k");
  expect(await client.get({ key })).toMatchObject({ revision: 0n });
  expect((await client.get({ key })).item).toBeUndefined();
  expect(await client.put({ key, value: bytes("1") })).toMatchObject({ revision: 1n });
  expect(await client.get({ key })).toMatchObject({
    revision: 1n,
    item: { key, value: bytes("1"), createRevision: 1n, modRevision: 1n },
  });
  const condition = { key, expected: { case: "modRevision", value: 1n } } as const;
  expect(
    await client.compareAndSwap({ condition, change: { case: "value", value: bytes("2") } }),
  ).toMatchObject({
    swapped: true,
    revision: 2n,
    item: { value: bytes("2"), createRevision: 1n, modRevision: 2n },
  });
  expect(
    await client.compareAndSwap({ condition, change: { case: "value", value: bytes("3") } }),
  ).toMatchObject({ swapped: false, revision: 2n, item: { value: bytes("2"), modRevision: 2n } });
  const there = { key, expected: { case: "exists", value: true } } as const;
  const deleted = await client.compareAndSwap({ condition: there, change: { case: "delete", value: true } });
  expect(deleted).toMatchObject({ swapped: true, revision: 3n });
  expect(deleted.item).toBeUndefined();
  const gone = await client.compareAndSwap({ condition: there, change: { case: "delete", value: true } });
  expect([gone.swapped, gone.revision, gone.item]).toStrictEqual([false, 3n, undefined]);
  expect(await client.delete({ key })).toMatchObject({ deleted: false, revision: 3n });
  await client.put({ key, value: new Uint8Array() });
  expect(await client.delete({ key })).toMatchObject({ deleted: true, revision: 5n });
});

test("Batch does all or nothing, and answers each operation", async () => {
  const { client } = new Server();
  const answer = await client.batch({
    conditions: [{ key: bytes("a"), expected: { case: "exists", value: false } }],
    operations: [
      { operation: { case: "put", value: { key: bytes("a"), value: bytes("1") } } },
      { operation: { case: "append", value: { key: bytes("a"), value: bytes("2") } } },
      { operation: { case: "get", value: { key: bytes("a") } } },
      { operation: { case: "get", value: { key: bytes("no") } } },
      { operation: { case: "delete", value: { key: bytes("a") } } },
      { operation: { case: "put", value: { key: bytes("b"), value: bytes("3") } } },
    ],
  });
  expect([answer.done, answer.revision, answer.failedCondition]).toStrictEqual([true, 1n, undefined]);
  expect(answer.results.map(({ item, deleted }) => [item?.key, item?.value, deleted])).toStrictEqual([
    [undefined, undefined, false],
    [undefined, undefined, false],
    [bytes("a"), bytes("12"), false],
    [undefined, undefined, false],
    [undefined, undefined, true],
    [undefined, undefined, false],
  ]);
  const failed = await client.batch({
    conditions: [
      { key: bytes("b"), expected: { case: "value", value: bytes("3") } },
      { key: bytes("b"), expected: { case: "exists", value: false } },
    ],
    operations: [{ operation: { case: "delete", value: { key: bytes("b") } } }],
  });
  expect([failed.done, failed.revision, failed.failedCondition, failed.results]).toStrictEqual([
    false,
    1n,
    1,
    [],
  ]);
});

test("a write that carries a serial is done once", async () => {
  const { client, node } = new Server();
  const { sessionId } = await client.openSession({});
  const put = { key: bytes("k"), value: bytes("v"), serial: { sessionId, sequence: 1n } };
  expect([await client.put(put), await client.put(put)]).toMatchObject([{ revision: 1n }, { revision: 1n }]);
  expect(node.machine.revision).toBe(1);
  await client.put({ ...put, serial: { sessionId, sequence: 3n, firstUnanswered: 3n } });
  expect(await errorOf(client.put(put))).toMatchObject({
    code: Code.FailedPrecondition,
    failure: { reason: Reason.SEQUENCE_OUT_OF_WINDOW, outcomeUnknown: true },
  });
  expect(await errorOf(client.put({ ...put, serial: { sessionId: 99n, sequence: 1n } }))).toMatchObject({
    code: Code.FailedPrecondition,
    failure: { reason: Reason.SESSION_EXPIRED, outcomeUnknown: true },
  });
});

test.each([
  ["a session 0", { sessionId: 0n, sequence: 1n }],
  ["a sequence 0", { sessionId: 1n, sequence: 0n }],
  ["a write that is answered already", { sessionId: 1n, sequence: 2n, firstUnanswered: 3n }],
])("a write with the serial of %s is refused, and never in the log", async (_, serial) => {
  const { client, node } = new Server();
  const { sessionId } = await client.openSession({});
  expect(sessionId).toBe(1n);
  const before = node.proposed.length;
  const { code, failure } = await errorOf(client.put({ key: bytes("k"), serial }));
  expect([code, failure.reason]).toStrictEqual([Code.InvalidArgument, Reason.INVALID]);
  expect(node.proposed).toHaveLength(before);
});

test("a write that can never be done is refused before it is in the log", async () => {
  const { client, node } = new Server();
  const key = new Uint8Array(MAX_KEY_BYTES + 1);
  const batch = client.batch({ operations: [{ operation: { case: "put", value: { key } } }] });
  for (const call of [client.put({ key }), client.delete({ key: new Uint8Array() }), batch]) {
    expect((await errorOf(call)).failure.reason).toBe(Reason.INVALID);
  }
  expect(node.proposed).toHaveLength(0);
});

test("Scan goes through a range page by page, up or down, and its tokens fit no other scan", async () => {
  const server = new Server();
  const keys = ["a", "b", "b\u00e9", "b\uffff", "c", "d"];
  await server.fill(...keys);
  const { client } = server;
  for (const descending of [false, true]) {
    for (const limit of [1, 2, 4, 6]) {
      const seen: Uint8Array[] = [];
      let pageToken: Uint8Array = new Uint8Array();
      for (let pages = 0; pages === 0 || pageToken.length > 0; pages++) {
        const page = await client.scan({ limit, descending, pageToken });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ key }) => key));
        pageToken = page.nextPageToken;
        if (pages > 10) throw new Error("it does not end");
      }
      const all = keys.map(bytes);
      expect(seen).toStrictEqual(descending ? all.toReversed() : all);
    }
  }
  const prefixed = await client.scan({ range: { prefix: bytes("b") }, keysOnly: true });
  expect(prefixed.items.map(({ key, value, modRevision }) => [key, value, modRevision])).toStrictEqual(
    ["b", "b\u00e9", "b\uffff"].map((key, i) => [bytes(key), new Uint8Array(), BigInt(i + 2)]),
  );
  await client.put({ key: Uint8Array.of(0xff, 0xff, 1) });
  const last = await client.scan({ range: { prefix: Uint8Array.of(0xff, 0xff) } });
  expect(last.items).toHaveLength(1);
  const range = { start: bytes("b"), end: bytes("c") };
  const { nextPageToken: pageToken } = await client.scan({ range, limit: 1 });
  for (const other of [
    { range, descending: true },
    { range: { start: bytes("a"), end: bytes("c") } },
    { range: { start: bytes("b") } },
  ]) {
    expect(await errorOf(client.scan({ ...other, pageToken }))).toMatchObject({ code: Code.InvalidArgument });
  }
  for (const token of [
    Uint8Array.of(1),
    new Uint8Array(4),
    pageToken.slice(0, -1),
    Uint8Array.of(...pageToken, 0),
  ]) {
    expect(await errorOf(client.scan({ range, pageToken: token }))).toMatchObject({
      code: Code.InvalidArgument,
    });
  }
});

test.each([-1, 10_001])("a page of %s items is refused, with the numbers that would do", async (limit) => {
  const { client, node } = new Server();
  const { code, failure } = await errorOf(client.scan({ limit }));
  expect([code, failure.reason]).toStrictEqual([Code.InvalidArgument, Reason.INVALID]);
  expect(failure.message).toBe(`limit is ${limit}, not from 1 to 10000, or 0 for 1000`);
  expect(node.queries).toHaveLength(0);
  expect((await client.scan({ limit: 10_000 })).items).toHaveLength(0);
});

test("a consistency of a later version is refused, and not taken for one that is known", async () => {
  const { client, node } = new Server();
  const consistency = 4 as Consistency;
  for (const call of [client.get({ key: bytes("k"), consistency }), client.scan({ consistency })]) {
    const { code, failure } = await errorOf(call);
    expect(code).toBe(Code.InvalidArgument);
    expect(failure.message).toBe("consistency is 4, which this server does not know");
  }
  expect(node.queries).toHaveLength(0);
});

test("calls that are one request to the node get each its own answer", async () => {
  const server = new Server();
  const { client, node } = server;
  const keys = ["a", "b", "c", "d"];
  await server.fill(...keys);
  const before = node.queries.length;
  const answers = await Promise.all(keys.map((key) => client.get({ key: bytes(key) })));
  expect(node.queries.length - before).toBe(1);
  expect(answers.map(({ item }) => item?.value)).toStrictEqual(keys.map((key) => bytes(`value of ${key}`)));
});

test("how new an answer has to be reaches the node, and calls that come together are one request to it", async () => {
  const { client, node } = new Server();
  const { LINEARIZABLE, LEASE, STALE, UNSPECIFIED } = Consistency;
  for (const consistency of [UNSPECIFIED, LINEARIZABLE, LEASE, STALE]) {
    await client.get({ key: bytes("k"), consistency });
    await client.scan({ consistency });
  }
  expect(node.consistencies).toStrictEqual(
    ["linearizable", "linearizable", "lease", "stale"].flatMap((one) => [one, one]),
  );
  const before = [node.proposed.length, node.queries.length];
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => [
      client.put({ key: bytes(`k${i}`), value: bytes("v") }),
      client.get({ key: bytes("k") }),
    ]).flat(),
  );
  expect(node.machine.revision).toBe(300);
  expect(node.proposed.length - (before[0] ?? 0)).toBeLessThan(100);
  expect(node.queries.length - (before[1] ?? 0)).toBeLessThan(100);
});

const FAILURES: readonly (readonly [string, unknown, Code, Partial<Failure>])[] = [
  [
    "another leader",
    new NotLeaderError(3, "c:9"),
    Code.Unavailable,
    { reason: Reason.NOT_LEADER, leaderAddress: "c:9" },
  ],
  [
    "no leader",
    new NotLeaderError(null, null),
    Code.Unavailable,
    { reason: Reason.NOT_LEADER, leaderAddress: "" },
  ],
  ["too much", new BusyError(), Code.ResourceExhausted, { reason: Reason.BUSY }],
  ["its end", new StoppedError(), Code.Unavailable, { reason: Reason.NOT_SERVING }],
  [
    "nobody knows",
    new OutcomeUnknownError("?"),
    Code.Unavailable,
    { reason: Reason.NOT_LEADER, outcomeUnknown: true },
  ],
  [
    "its end, and nobody knows",
    new OutcomeUnknownError("?", { cause: new StoppedError() }),
    Code.Unavailable,
    { reason: Reason.NOT_SERVING, outcomeUnknown: true },
  ],
  [
    "a disk",
    new StorageFailedError(new Error("/var/secret")),
    Code.Unavailable,
    { reason: Reason.NOT_SERVING, message: "This server has failed (STORAGE_FAILED). Ask another one." },
  ],
  ["a bug", new Error("secret"), Code.Internal, { reason: Reason.UNSPECIFIED, message: "internal error" }],
];

test.each(FAILURES)("of a node that says: %s", async (_, thrown, code, failure) => {
  const { client, node } = new Server();
  node.before = () => {
    throw thrown;
  };
  for (const call of [
    () => client.put({ key: bytes("k") }),
    () => client.get({ key: bytes("k") }),
    () => client.scan({}),
  ]) {
    expect(await errorOf(call())).toMatchObject({ code, failure });
  }
});

test("a call without an answer ends after the time limit, or the caller's own", async () => {
  const { client, node, clock, service } = new Server({ timeLimitMs: 70 });
  node.before = () => never();
  const late = errorOf(client.put({ key: bytes("k") }));
  await settle();
  await clock.advance(69);
  expect(node.signals.at(-1)?.aborted).toBe(false);
  await clock.advance(1);
  expect(await late).toMatchObject({
    code: Code.DeadlineExceeded,
    failure: { reason: Reason.TIMEOUT, outcomeUnknown: false },
  });
  const deadline = new AbortController();
  const context = { signal: deadline.signal, timeoutMs: () => 5 };
  const gone = errorOf(service.delete(create(DeleteRequestSchema, { key: bytes("k") }), context));
  await settle();
  deadline.abort();
  expect(await gone).toMatchObject({
    code: Code.DeadlineExceeded,
    failure: { reason: Reason.TIMEOUT, outcomeUnknown: true },
  });
});

async function take(responses: AsyncIterable<WatchResponse>, count: number): Promise<WatchResponse[]> {
  const taken: WatchResponse[] = [];
  for await (const response of responses) {
    taken.push(response);
    if (taken.length === count) break;
  }
  return taken;
}

test("a watch tells all changes of its range from a revision on, each once and in order", async () => {
  const server = new Server();
  const { client } = server;
  await server.fill("a", "b", "a");
  const responses = client.watch({ range: { prefix: bytes("a") }, fromRevision: 1n })[Symbol.asyncIterator]();
  const first = await responses.next();
  expect(first.value).toMatchObject({
    revision: 3n,
    changes: [
      { change: { case: "put", value: { key: bytes("a"), createRevision: 1n, modRevision: 1n } } },
      { change: { case: "put", value: { key: bytes("a"), createRevision: 1n, modRevision: 3n } } },
    ],
  });
  const second = responses.next();
  await server.fill("b");
  await client.delete({ key: bytes("a") });
  expect((await second).value).toMatchObject({
    revision: 5n,
    changes: [
      { change: { case: "delete", value: { key: bytes("a"), value: new Uint8Array(), modRevision: 5n } } },
    ],
  });
  const third = responses.next();
  await client.batch({
    operations: ["a", "c", "aa"].map((key) => ({ operation: { case: "put", value: { key: bytes(key) } } })),
  });
  expect(
    (await third).value?.changes.map(
      ({ change }: { change: { value?: { key: Uint8Array } } }) => change.value?.key,
    ),
  ).toStrictEqual([bytes("a"), bytes("aa")]);
  await responses.return?.();
});

test("a watch begins after the present revision unless told otherwise, and says at once that it has begun", async () => {
  const server = new Server();
  await server.fill("a", "b");
  const responses = server.client.watch({})[Symbol.asyncIterator]();
  expect((await responses.next()).value).toMatchObject({ revision: 2n, changes: [] });
  expect(server.node.consistencies.at(-1)).toBe("linearizable");
  const next = responses.next();
  await server.fill("c");
  expect((await next).value).toMatchObject({
    revision: 3n,
    changes: [{ change: { value: { key: bytes("c") } } }],
  });
  await responses.return?.();
});

test("a watch of a future or a forgotten revision says so, with the first one that is kept", async () => {
  const server = new Server({}, { maxHistoryChanges: 13 });
  await server.fill("a", "b");
  expect(await errorOf(take(server.client.watch({ fromRevision: 4n }), 1))).toMatchObject({
    code: Code.OutOfRange,
    failure: { reason: Reason.FUTURE_REVISION },
  });
  expect(await take(server.client.watch({ fromRevision: 3n }), 1)).toMatchObject([{ revision: 2n }]);
  await server.fill(...Array.from({ length: 20 }, (_, i) => `${i}`));
  expect(await errorOf(take(server.client.watch({ fromRevision: 9n }), 1))).toMatchObject({
    code: Code.OutOfRange,
    failure: { reason: Reason.COMPACTED, firstRevision: 10n },
  });
  const [response] = await take(server.client.watch({ fromRevision: 10n }), 1);
  expect(response?.changes).toHaveLength(13);
});

test("a watch that does not take its changes is ended when they are not kept any more", async () => {
  const server = new Server({}, { maxHistoryChanges: 1 });
  await server.fill("a");
  const responses = server.service.watch(
    { $typeName: "eraft.kv.v1.WatchRequest", fromRevision: 1n },
    { signal: new AbortController().signal, timeoutMs: () => undefined },
  );
  await responses.next();
  await server.fill("b", "c", "d");
  expect(await errorOf(responses.next())).toMatchObject({
    code: Code.ResourceExhausted,
    failure: { reason: Reason.TOO_SLOW, firstRevision: 4n },
  });
});

test("a watch goes on over a restored snapshot, and without changes it says from time to time that it is there", async () => {
  const server = new Server({ progressMs: 1000 });
  await server.fill("a");
  const caller = new AbortController();
  const watch = server.client.watch({ range: { start: bytes("k") } }, { signal: caller.signal });
  const responses = watch[Symbol.asyncIterator]();
  await responses.next();
  const other = new Server();
  await other.fill("a", "k", "l");
  const next = responses.next();
  await settle();
  await server.node.machine.restore(other.node.machine.snapshot(), 1);
  expect((await next).value).toMatchObject({ revision: 3n, changes: [{}, {}] });
  const quiet = responses.next();
  let isOver = false;
  void quiet.then(() => (isOver = true));
  for (let i = 0; i < 9; i++) {
    await server.clock.advance(100);
    // What happens elsewhere is no news, and must not put the sign of life off for ever either.
    await server.fill("a");
  }
  expect(isOver).toBe(false);
  await server.clock.advance(200);
  expect((await quiet).value).toMatchObject({ revision: 12n, changes: [] });
  caller.abort();
  await settle();
  expect(server.clock.pending).toBe(0);
});

test("a long catching up comes in several responses, and whole revisions", async () => {
  const server = new Server();
  const value = new Uint8Array(100_000);
  for (let i = 0; i < 12; i++) {
    const operations = ["a", "b"].map(
      (key) => ({ operation: { case: "put", value: { key: bytes(key), value } } }) as const,
    );
    await server.client.batch({ operations });
  }
  const responses = await take(server.client.watch({ fromRevision: 1n }), 6);
  expect(responses.map(({ revision, changes }) => [revision, changes.length])).toStrictEqual(
    [2n, 4n, 6n, 8n, 10n, 12n].map((revision) => [revision, 4]),
  );
});

test("a long catching up in small changes, and what comes after it, is told once", async () => {
  const server = new Server();
  // More than a watch looks at before others may do something.
  const count = 5000;
  await server.fill(...Array.from({ length: count }, () => "k"));
  const responses = server.client.watch({ fromRevision: 1n })[Symbol.asyncIterator]();
  const told: bigint[] = [];
  const tell = async (): Promise<void> => {
    const { value } = await responses.next();
    for (const { change } of value?.changes ?? []) told.push(change.value?.modRevision ?? 0n);
  };
  while (told.length < count) await tell();
  await server.fill("k");
  await tell();
  expect(told).toStrictEqual(Array.from({ length: count + 1 }, (_, at) => BigInt(at + 1)));
  await responses.return?.();
});

test("the end of the server ends watches and streams, and what they wait for is let go", async () => {
  const server = new Server();
  const watch = errorOf(take(server.client.watch({}), 99));
  const stream = errorOf(
    (async () => {
      for await (const _ of server.client.stream(endless())) throw new Error("nobody asked");
    })(),
  );
  await settle();
  server.service.end();
  const stopping = { code: Code.Unavailable, failure: { reason: Reason.NOT_SERVING, outcomeUnknown: false } };
  expect([await watch, await stream]).toMatchObject([stopping, stopping]);
  expect(await errorOf(take(server.client.watch({}), 1))).toMatchObject(stopping);
});

async function* endless(): AsyncGenerator<StreamRequest> {
  await never();
  yield create(StreamRequestSchema);
}

test("a stream answers each call by its id, writes in the order in which they were sent", async () => {
  const server = new Server();
  const count = 10_000;
  async function* requests(): AsyncGenerator<StreamRequest> {
    for (let at = 0; at < count; at += 100) {
      const calls = Array.from({ length: 100 }, (_, i): MessageInitShape<typeof StreamCallSchema> => {
        const operation = { case: "append", value: { key: bytes("k"), value: bytes(`${at + i};`) } } as const;
        return {
          callId: BigInt(at + i),
          call:
            i % 50 === 7
              ? { case: "get", value: { key: bytes("k") } }
              : { case: "batch", value: { operations: [{ operation }] } },
        };
      });
      yield create(StreamRequestSchema, { calls });
    }
    yield create(StreamRequestSchema, {
      calls: [{ callId: -1n }, { callId: -2n, call: { case: "put", value: {} } }],
    });
  }
  const revisions: bigint[] = [];
  const failures: (readonly [bigint, Reason])[] = [];
  let gets = 0;
  let messages = 0;
  for await (const { replies } of server.client.stream(requests())) {
    messages += 1;
    for (const { callId, reply } of replies) {
      if (reply.case === "batch") revisions.push(reply.value.revision);
      else if (reply.case === "get") gets += 1;
      else if (reply.case === "failure") failures.push([callId, reply.value.reason]);
    }
  }
  expect([gets, revisions.length, messages < 1000]).toStrictEqual([200, count - 200, true]);
  expect(new Map(failures)).toStrictEqual(
    new Map([
      [-1n, Reason.INVALID],
      [-2n, Reason.INVALID],
    ]),
  );
  const written = await server.node.machine.query({ key: "k" });
  const sent = Array.from({ length: count }, (_, i) => i).filter((i) => i % 50 !== 7);
  expect(written).toBe(`${sent.join(";")};`);
});

async function* onePut(callId: bigint): AsyncGenerator<StreamRequest> {
  const call = { case: "put", value: { key: bytes("k") } } as const;
  yield create(StreamRequestSchema, { calls: [{ callId, call }] });
}

test("a stream whose caller has no more to ask ends with its last answer", async () => {
  const server = new Server();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.node.before = () => promise;
  const answered = (async () => {
    const ids: bigint[] = [];
    for await (const { replies } of server.client.stream(onePut(7n)))
      ids.push(...replies.map(({ callId }) => callId));
    return ids;
  })();
  await settle();
  resolve();
  expect(await answered).toStrictEqual([7n]);
});

test("a stream reads no further while too many of its calls are under way", async () => {
  const server = new Server();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.node.before = () => promise;
  let sent = 0;
  async function* requests(): AsyncGenerator<StreamRequest> {
    for (let at = 0; at < 100; at++) {
      sent += 1;
      const calls = Array.from({ length: 1000 }, (_, i) => ({
        callId: BigInt(i),
        call: { case: "delete", value: { key: bytes("k") } } as const,
      }));
      yield create(StreamRequestSchema, { calls });
    }
  }
  const answered = (async () => {
    let replies = 0;
    for await (const response of server.client.stream(requests())) replies += response.replies.length;
    return replies;
  })();
  await settle();
  expect(sent).toBeGreaterThan(5);
  expect(sent).toBeLessThan(15);
  resolve();
  expect(await answered).toBe(100_000);
});

test("too many calls at a time are refused before anything is done", async () => {
  const { client, node } = new Server({ maxWaiting: 2 });
  const { promise, resolve } = Promise.withResolvers<void>();
  node.before = () => promise;
  const two = [client.put({ key: bytes("a") }), client.put({ key: bytes("b") })];
  await settle();
  expect(await errorOf(client.put({ key: bytes("c") }))).toMatchObject({
    code: Code.ResourceExhausted,
    failure: { reason: Reason.BUSY, outcomeUnknown: false },
  });
  resolve();
  await Promise.all(two);
  node.before = () => {};
  await client.put({ key: bytes("d") });
  expect(node.machine.keyCount).toBe(3);
});

test("calls that have failed are counted no longer", async () => {
  const { client, node } = new Server({ maxWaiting: 2 });
  for (let at = 0; at < 3; at += 1) {
    node.before = () => {
      throw new BusyError();
    };
    await errorOf(client.put({ key: bytes("k") }));
    await errorOf(client.get({ key: bytes("k") }));
  }
  node.before = () => {};
  expect(await client.put({ key: bytes("k") })).toMatchObject({ revision: 1n });
  expect((await client.get({ key: bytes("k") })).item).toBeDefined();
});

test("options that cannot be are refused", () => {
  const node = new FakeNode();
  for (const options of [
    { timeLimitMs: 0 },
    { progressMs: 2 ** 31 },
    { maxWaiting: 0 },
    { maxWaiting: 1.5 },
  ]) {
    expect(() => kvV1Service(node, node.machine, options)).toThrow(KvInvalidArgumentError);
  }
});
