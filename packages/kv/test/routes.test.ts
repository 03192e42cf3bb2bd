import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import { expect, expectTypeOf, test } from "vitest";
import { CommandRequestSchema, KVService, Op } from "@eraft/proto/kvraftpb";
import {
  BusyError,
  InvalidCommandError,
  NotLeaderError,
  NotStartedError,
  OutcomeUnknownError,
  type RaftNode,
  StateMachineFailedError,
  StoppedError,
  StorageFailedError,
} from "@eraft/runtime";
import {
  KvInvalidArgumentError,
  type KvNode,
  type KvQuery,
  type KvResult,
  type KvRoutesOptions,
  CONSISTENCY_HEADER,
  LEADER_HEADER,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  decodeCommand,
  kvRoutes,
  kvService,
} from "@eraft/kv";
import { FakeNode, never } from "./support/fake-node.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

function serve(node: KvNode, options?: KvRoutesOptions) {
  return createClient(KVService, createRouterTransport(kvRoutes(node, options)));
}

async function codeOf(promise: Promise<unknown>): Promise<Code | string> {
  return promise.then(
    (value) => `resolved: ${JSON.stringify(value)}`,
    (error: unknown) => ConnectError.from(error).code,
  );
}

const BIG = 2n ** 62n - 1n;

test("PUT and APPEND are proposed with their ids, GET is read without a log entry", async () => {
  const node = new FakeNode();
  const kv = serve(node);
  expect(await kv.command({ key: "k", value: "a", op: Op.PUT, clientId: BIG, commandId: 3n })).toMatchObject({
    err: "OK",
    value: "",
  });
  expect(await kv.command({ key: "k", value: "b", op: Op.APPEND })).toMatchObject({ err: "OK", value: "" });
  expect(await kv.command({ key: "k", op: Op.GET })).toMatchObject({ err: "OK", value: "ab" });
  expect(await kv.command({ key: "no", op: Op.GET })).toMatchObject({ err: "ErrNoKey", value: "" });
  expect(node.proposed).toHaveLength(2);
  expect(decodeCommand(node.proposed[0] ?? new Uint8Array())).toMatchObject({
    key: "k",
    value: "a",
    op: Op.PUT,
    clientId: BIG,
    commandId: 3n,
  });
  expect(node.queries).toStrictEqual([{ key: "k" }, { key: "no" }]);
});

test("a GET says in a header how new its answer has to be; a word that is unknown is refused, not guessed at", async () => {
  const node = new FakeNode();
  const kv = serve(node);
  for (const consistency of ["stale", "lease", "linearizable"]) {
    await kv.command({ key: "k", op: Op.GET }, { headers: { [CONSISTENCY_HEADER]: consistency } });
  }
  await kv.command({ key: "k", op: Op.GET });
  expect(node.consistencies).toStrictEqual(["stale", "lease", "linearizable", "linearizable"]);
  const unknown = { headers: { [CONSISTENCY_HEADER]: "session" } };
  expect(await codeOf(kv.command({ key: "k", op: Op.GET }, unknown))).toBe(Code.InvalidArgument);
  expect(node.consistencies).toHaveLength(4);
  // To a write it says nothing.
  expect(await kv.command({ key: "k", value: "v", op: Op.PUT }, unknown)).toMatchObject({ err: "OK" });
});

test("a retry of an APPEND gets the cached answer", async () => {
  const kv = serve(new FakeNode());
  const request = { key: "k", value: "a", op: Op.APPEND, clientId: 9n, commandId: 0n };
  expect((await kv.command(request)).err).toBe("OK");
  expect((await kv.command(request)).err).toBe("OK");
  expect((await kv.command({ key: "k", op: Op.GET })).value).toBe("a");
});

test("not the leader: ErrWrongLeader, and a header with the leader's address if there is one", async () => {
  const node = new FakeNode();
  const kv = serve(node);
  const hints: (string | null)[] = [];
  for (const address of ["http://10.0.0.2:9002", null, "not a header\n"]) {
    node.before = () => {
      throw new NotLeaderError(address === null ? null : 1, address);
    };
    for (const op of [Op.PUT, Op.GET]) {
      const answer = await kv.command(
        { key: "k", op },
        { onHeader: (headers) => hints.push(headers.get(LEADER_HEADER)) },
      );
      expect([answer.err, answer.value]).toStrictEqual(["ErrWrongLeader", ""]);
    }
  }
  expect(hints).toStrictEqual(["http://10.0.0.2:9002", "http://10.0.0.2:9002", null, null, null, null]);
});

for (const [error, code] of [
  [new BusyError(), Code.ResourceExhausted],
  [new StoppedError(), Code.Unavailable],
  [new NotStartedError(), Code.Unavailable],
  [new StorageFailedError(new Error("EIO /secret/path")), Code.Unavailable],
  [new StateMachineFailedError(new Error("lost")), Code.Unavailable],
  [new InvalidCommandError("too large"), Code.InvalidArgument],
  [new TypeError("a bug"), Code.Internal],
] as const) {
  test(`${error.name} becomes ${Code[code]}`, async () => {
    const node = new FakeNode();
    node.before = () => {
      throw error;
    };
    const kv = serve(node);
    for (const op of [Op.PUT, Op.GET]) {
      expect(await codeOf(kv.command({ key: "k", op }))).toBe(code);
      await expect(kv.command({ key: "k", op })).rejects.not.toThrow(/secret/);
    }
  });
}

test("an unknown outcome is ErrTimeout: to be retried with the same ids", async () => {
  const node = new FakeNode();
  node.before = () => {
    throw new OutcomeUnknownError("It lost its leadership.");
  };
  expect((await serve(node).command({ key: "k" })).err).toBe("ErrTimeout");
});

test("S14: a command that can never be done is INVALID_ARGUMENT, and nothing is proposed or read", async () => {
  const node = new FakeNode();
  const kv = serve(node, { maxValueBytes: 10 });
  const bad = [
    { key: "k", op: 3 as Op },
    { key: "k", op: 256 as Op },
    { key: "", op: Op.PUT },
    { key: "", op: Op.GET },
    { key: "k".repeat(MAX_KEY_BYTES + 1), op: Op.GET },
    { key: "€".repeat(MAX_KEY_BYTES / 2), op: Op.GET },
    { key: "k", value: "12345678901", op: Op.APPEND },
  ];
  for (const request of bad) expect(await codeOf(kv.command(request))).toBe(Code.InvalidArgument);
  expect([node.proposed, node.queries, node.signals]).toStrictEqual([[], [], []]);
  expect((await kv.command({ key: "k", value: "1234567890" })).err).toBe("OK");
});

test("a command that the state does not admit is FAILED_PRECONDITION, also when retried", async () => {
  const kv = serve(new FakeNode());
  await kv.command({ key: "k", value: "x".repeat(MAX_VALUE_BYTES) });
  const request = { key: "k", value: "y", op: Op.APPEND, clientId: 1n };
  expect(await codeOf(kv.command(request))).toBe(Code.FailedPrecondition);
  expect(await codeOf(kv.command(request))).toBe(Code.FailedPrecondition);
});

test("a node with another state machine is an internal error, not a success", async () => {
  const node = new FakeNode();
  const kv = serve({
    propose: () => Promise.resolve({ done: true }),
    read: () => Promise.resolve(17),
    status: () => node.state,
  });
  expect(await codeOf(kv.command({ key: "k" }))).toBe(Code.Internal);
  expect(await codeOf(kv.command({ key: "k", op: Op.GET }))).toBe(Code.Internal);
});

test("after the time limit the answer is ErrTimeout, and the node is told that nobody waits", async () => {
  const clock = new ManualClock();
  const node = new FakeNode();
  node.before = never;
  const kv = serve(node, { clock });
  for (const op of [Op.PUT, Op.GET]) {
    const call = kv.command({ key: "k", op });
    await clock.advance(499);
    expect(node.signals.at(-1)?.aborted).toBe(false);
    await clock.advance(1);
    expect((await call).err).toBe("ErrTimeout");
    expect(node.signals.at(-1)?.aborted).toBe(true);
  }
  expect(clock.pending).toBe(0);
});

test("each of many calls has its own time, whichever began first", async () => {
  const clock = new ManualClock();
  const node = new FakeNode();
  node.before = never;
  const kv = serve(node, { clock });
  const calls = [kv.command({ key: "first" })];
  await clock.advance(200);
  calls.push(kv.command({ key: "second" }));
  await clock.advance(300);
  expect(node.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  await clock.advance(200);
  expect((await Promise.all(calls)).map(({ err }) => err)).toEqual(["ErrTimeout", "ErrTimeout"]);
  expect(clock.pending).toBe(0);
});

test("the caller's deadline shortens the time limit, and never lengthens it", async () => {
  const clock = new ManualClock();
  const node = new FakeNode();
  node.before = never;
  const service = kvService(node, { clock });
  const request = create(CommandRequestSchema, { key: "k" });
  for (const [callerMs, limitMs] of [
    [100, 100],
    [9000, 500],
  ] as const) {
    const signal = new AbortController().signal;
    const call = service.command(request, {
      signal,
      timeoutMs: () => callerMs,
      responseHeader: new Headers(),
    });
    await clock.advance(limitMs - 1);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await call).err).toBe("ErrTimeout");
  }
});

test("for a caller whose time was up before its turn came, or who has gone, nothing is done any more", async () => {
  const node = new FakeNode();
  const service = kvService(node, { clock: new ManualClock() });
  const request = create(CommandRequestSchema, { key: "k", op: Op.PUT });
  const responseHeader = new Headers();
  const here = new AbortController().signal;
  for (const late of [
    { signal: here, timeoutMs: () => 0 },
    { signal: here, timeoutMs: () => -3 },
    { signal: AbortSignal.abort(), timeoutMs: () => undefined },
  ]) {
    expect((await service.command(request, { ...late, responseHeader })).err).toBe("ErrTimeout");
  }
  expect(node.signals).toEqual([]);
  expect(node.proposed).toEqual([]);
  await service.command(request, { signal: here, timeoutMs: () => undefined, responseHeader });
  expect(node.proposed).toHaveLength(1);
});

test("when the caller goes away the node is told", async () => {
  const clock = new ManualClock();
  const node = new FakeNode();
  node.before = never;
  const controller = new AbortController();
  const call = codeOf(serve(node, { clock }).command({ key: "k" }, { signal: controller.signal }));
  await settle();
  controller.abort();
  await call;
  await settle();
  expect(node.signals[0]?.aborted).toBe(true);
  expect(clock.pending).toBe(0);
});

test("GetStatus says what the node says", async () => {
  const node = new FakeNode();
  const kv = serve(node);
  expect(await kv.getStatus({})).toMatchObject({
    id: 2n,
    state: "Leader",
    term: 7n,
    lastApplied: 5n,
    commitIndex: 6n,
    storageSize: 4096n,
  });
  node.state = { ...node.state, id: 0, role: "candidate" };
  expect(await kv.getStatus({})).toMatchObject({ id: 0n, state: "Candidate" });
  node.state = { ...node.state, role: "follower" };
  expect((await kv.getStatus({})).state).toBe("Follower");
  node.state = { ...node.state, role: null };
  expect(await codeOf(kv.getStatus({}))).toBe(Code.Unavailable);
});

test("a RaftNode of this state machine is a KvNode", () => {
  expectTypeOf<RaftNode<Uint8Array, KvQuery, KvResult | string | undefined>>().toExtend<KvNode>();
});

test("options that cannot be are refused", () => {
  const node = new FakeNode();
  const bad: readonly KvRoutesOptions[] = [
    { timeLimitMs: 0 },
    { timeLimitMs: NaN },
    { timeLimitMs: 2 ** 31 },
    { maxKeyBytes: 0 },
    { maxKeyBytes: MAX_KEY_BYTES + 1 },
    { maxValueBytes: MAX_VALUE_BYTES + 1 },
    { maxValueBytes: 1.5 },
  ];
  for (const options of bad) expect(() => kvRoutes(node, options)).toThrow(KvInvalidArgumentError);
});
