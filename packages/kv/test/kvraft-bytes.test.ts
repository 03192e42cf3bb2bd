import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CommandRequest, CommandRequestSchema, CommandResponseSchema, Op } from "@eraft/proto/kvraftpb";
import { BusyError, NotLeaderError, OutcomeUnknownError, TransferringError } from "@eraft/runtime";
import {
  CONSISTENCY_HEADER,
  KvStateMachine,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  decodeCommand,
  encodeCommand,
  encodeWrites,
  kvService,
} from "@eraft/kv";
import { describe, expect, test } from "vitest";
import { locate } from "../src/state/command-bytes.ts";
import { readTextCommand } from "../src/state/command.ts";
import { seeded } from "./support/commands.ts";
import { FakeNode, never } from "./support/fake-node.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

const bytesOfRequest = (fields: Partial<CommandRequest>): Uint8Array =>
  toBinary(CommandRequestSchema, create(CommandRequestSchema, fields as never));

interface Asked {
  /** The answer's message, or the error. */
  readonly answer: unknown;
  readonly headers: [string, string][];
  readonly proposed: readonly Uint8Array[];
  readonly consistencies: readonly unknown[];
}

type Way = "messages" | "bytes";

/** What a caller gets for these bytes, and what the node sees. */
async function ask(
  way: Way,
  request: Uint8Array,
  prepare: (node: FakeNode) => void = () => {},
  requestHeader: Headers = new Headers(),
): Promise<Asked> {
  const node = new FakeNode();
  prepare(node);
  const service = kvService(node);
  const { signal } = new AbortController();
  const responseHeader = new Headers();
  const context = { signal, timeoutMs: () => undefined, responseHeader, requestHeader };
  let answer: unknown;
  try {
    const bytes = way === "bytes" ? service.commandBytes(request, context) : null;
    answer =
      bytes === null
        ? await service.command(fromBinary(CommandRequestSchema, request), context)
        : fromBinary(CommandResponseSchema, await bytes);
  } catch (error) {
    answer = error instanceof ConnectError ? [error.code, error.rawMessage] : String(error);
  }
  const proposed = node.proposed.map((command) => new Uint8Array(command));
  return { answer, headers: [...responseHeader], proposed, consistencies: node.consistencies };
}

/** What both ways make of it: from outside the same. */
async function both(
  request: Uint8Array,
  prepare?: (node: FakeNode) => void,
  requestHeader?: Headers,
): Promise<Record<Way, Asked>> {
  return {
    bytes: await ask("bytes", request, prepare, requestHeader),
    messages: await ask("messages", request, prepare, requestHeader),
  };
}

const random = seeded(11);
const below = (limit: number): number => Math.floor(random() * limit);
const fail = (choices: unknown): never => {
  throw new Error(`nothing to choose from: ${String(choices)}`);
};
const oneOf = <T>(choices: readonly T[]): T => choices[below(choices.length)] ?? fail(choices);

const CHARACTERS = ["a", "Z", " ", "\0", "\u007f", "ä", "€", "𝄞", "\ud800"];
const text = (): string => Array.from({ length: below(12) }, () => oneOf(CHARACTERS)).join("");
const IDS = [
  0n,
  1n,
  127n,
  128n,
  2n ** 49n - 1n,
  2n ** 49n,
  2n ** 53n,
  2n ** 56n,
  2n ** 63n - 1n,
  -1n,
  -(2n ** 63n),
];
const id = (): bigint => (random() < 0.7 ? oneOf(IDS) : BigInt(below(2 ** 24)) << BigInt(below(39)));
const op = (): number => oneOf([0, 1, 2, 3, 127, 128, 256, -1]);

test("a command that is read from its bytes is the one that protobuf-es reads", async () => {
  for (let run = 0; run < 1000; run += 1) {
    const fields = { key: text(), value: text(), op: op(), clientId: id(), commandId: id() };
    const bytes = encodeCommand(fields as never);
    const { bytes: seen, messages } = await both(bytes);
    expect(seen).toEqual(messages);
    const { applied, expected } = await applyBoth(bytes);
    expect(applied).toEqual(expected);
    // The log has the bytes as they came: they are what the message would have been written as.
    expect(seen.proposed.every((one) => Buffer.compare(one, bytes) === 0)).toBe(true);
  }
});

test("ids of any size and sign come out of the bytes as they went in: a client is known by its id, however its request was read", () => {
  for (const clientId of IDS) {
    for (const commandId of IDS) {
      const bytes = encodeCommand({ key: "k", value: "v", op: Op.PUT, clientId, commandId });
      expect(readTextCommand(bytes)).toMatchObject({ clientId, commandId });
    }
  }
});

test("what nobody would write is left to protobuf-es, also before an id that takes many bytes", () => {
  const key = [0x0a, 1, 0x6b];
  const longId = [0x20, ...Array.from({ length: 9 }, () => 0xff), 1];
  expect(locate(Uint8Array.from([...key, ...longId]))).toMatchObject({ clientId: -1n });
  // A default that is written down, a varint with a byte too many, and an empty key.
  for (const odd of [
    [...key, 0x18, 0],
    [...key, 0x18, 0x81, 0],
    [0x0a, 0],
  ]) {
    expect(locate(Uint8Array.from(odd))).toBe(null);
    expect(locate(Uint8Array.from([...odd, ...longId]))).toBe(null);
  }
});

test("fields in any order, twice, unknown, or of no text, are as protobuf-es takes them", async () => {
  for (let run = 0; run < 1000; run += 1) {
    const writer = new BinaryWriter();
    for (let count = below(6); count > 0; count -= 1) {
      if (random() < 0.5) writer.tag(oneOf([3, 4, 5, 6, 15]), WireType.Varint).int32(below(300));
      else if (random() < 0.8) writer.tag(oneOf([1, 2]), WireType.LengthDelimited).string(text());
      else writer.tag(oneOf([1, 2]), WireType.LengthDelimited).bytes(Uint8Array.of(below(256), below(256)));
    }
    const { applied, expected } = await applyBoth(writer.finish());
    expect(applied).toEqual(expected);
  }
});

test("any bytes at all", async () => {
  const likely = [0x0a, 0x12, 0x18, 0x20, 0x28, 0, 1, 2, 0x80, 0xff, 0x61];
  for (let run = 0; run < 3000; run += 1) {
    const byte = (): number => (random() < 0.9 ? oneOf(likely) : below(256));
    const { applied, expected } = await applyBoth(
      Uint8Array.of(0x0a, ...Array.from({ length: below(14) }, byte)),
    );
    expect(applied).toEqual(expected);
  }
});

/** What a state machine, and a server, make of `bytes`, and what they have to make of them by what protobuf-es reads there. */
async function applyBoth(
  bytes: Uint8Array,
): Promise<{ readonly applied: unknown; readonly expected: unknown }> {
  const machine = new KvStateMachine();
  const applied = await machine.apply([{ index: 1, command: bytes }]);
  const decoded = decodeCommand(bytes);
  if (decoded === null) return { applied, expected: [{ status: "refused", reason: "malformed" }] };
  // With a field that nobody knows in front, it is not read from its bytes.
  const slow = new BinaryWriter().tag(9, WireType.Varint).int32(1).raw(encodeCommand(decoded)).finish();
  const model = new KvStateMachine();
  const results = await model.apply([{ index: 1, command: slow }]);
  const { bytes: seen, messages } = await both(bytes);
  return {
    applied: [applied, await machine.query({ key: decoded.key }), seen],
    expected: [results, await model.query({ key: decoded.key }), messages],
  };
}

test.each([
  ["an empty key", { value: "v" }],
  ["an op that nobody knows", { key: "k", op: 3 as Op }],
  ["a key at the limit", { key: "k".repeat(MAX_KEY_BYTES) }],
  ["a key above the limit", { key: "k".repeat(MAX_KEY_BYTES + 1) }],
  ["a key that is above the limit in UTF-8", { key: "ä".repeat(MAX_KEY_BYTES / 2) + "a" }],
  ["a value at the limit", { key: "k", value: "v".repeat(MAX_VALUE_BYTES) }],
  ["a value above the limit", { key: "k", value: "v".repeat(MAX_VALUE_BYTES + 1) }],
  ["a long value that is not ASCII", { key: "k", value: "ä".repeat(2000) }],
])("%s", async (_what, fields: Partial<CommandRequest>) => {
  const { bytes, messages } = await both(bytesOfRequest(fields));
  expect(bytes).toEqual(messages);
});

test("a server that is stricter than the state machine refuses what only that would take", async () => {
  const node = new FakeNode();
  const service = kvService(node, { maxKeyBytes: 3, maxValueBytes: 5 });
  const { signal } = new AbortController();
  const header = new Headers();
  const context = { signal, timeoutMs: () => undefined, responseHeader: header, requestHeader: header };
  const call = async (fields: Partial<CommandRequest>): Promise<unknown> =>
    service.commandBytes(bytesOfRequest(fields), context);
  for (const fields of [
    { key: "abcd", value: "12345" },
    { key: "abc", value: "123456" },
  ]) {
    await expect(call(fields)).rejects.toMatchObject({ code: Code.InvalidArgument });
  }
  expect(node.proposed).toHaveLength(0);
  await call({ key: "abc", value: "12345" });
  expect(node.proposed).toHaveLength(1);
});

const PUT = bytesOfRequest({ key: "k", value: "v" });
const GET = bytesOfRequest({ key: "k", op: Op.GET });

describe.each([
  ["PUT", PUT],
  ["GET", GET],
])("%s", (_name, request) => {
  test.each([
    ["no leader", new NotLeaderError(1, "10.0.0.1:50")],
    ["a transfer", new TransferringError()],
    ["too many", new BusyError()],
    ["nobody knows", new OutcomeUnknownError("gone", { effect: "command" })],
    ["a fault of the server", new Error("a secret")],
  ])("with a node that says: %s", async (_what, error) => {
    const prepare = (node: FakeNode): void => {
      node.before = () => {
        throw error;
      };
    };
    const { bytes, messages } = await both(request, prepare);
    expect(bytes).toEqual(messages);
    const hint = error instanceof NotLeaderError ? [["eraft-leader", "10.0.0.1:50"]] : [];
    expect(bytes.headers).toEqual(hint);
  });

  test("takes no longer than the limit", async () => {
    const clock = new ManualClock();
    const node = new FakeNode();
    node.before = never;
    const { signal } = new AbortController();
    const context = { signal, timeoutMs: () => undefined, responseHeader: new Headers() };
    const answer = kvService(node, { clock }).commandBytes(request, context);
    await settle();
    await clock.advance(500);
    expect(fromBinary(CommandResponseSchema, (await answer)!)).toMatchObject({
      err: "ErrTimeout",
      value: "",
    });
  });
});

const has = (node: FakeNode): void => void node.machine.apply([{ index: 1, command: PUT }]);

test("GET: a value, none, one that is no text, and the consistency that was asked for", async () => {
  const none = await both(GET);
  expect(none.bytes).toEqual(none.messages);
  expect(none.bytes).toMatchObject({ answer: { err: "ErrNoKey", value: "" } });
  for (const consistency of ["stale", "lease", "linearizable", "some"]) {
    const { bytes, messages } = await both(GET, has, new Headers({ [CONSISTENCY_HEADER]: consistency }));
    expect(bytes).toEqual(messages);
    expect(bytes.consistencies).toEqual(consistency === "some" ? [] : [consistency]);
  }
  const umlaut = await both(bytesOfRequest({ key: "\u00fc", op: Op.GET }), has);
  expect(umlaut.bytes).toEqual(umlaut.messages);
  const found = await both(GET, has);
  expect(found.bytes).toMatchObject({ answer: { err: "OK", value: "v" } });
});

test("GET: values of any length, as protobuf-es writes them", async () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 100_000, MAX_VALUE_BYTES]) {
    const value = "v".repeat(length);
    const put = bytesOfRequest({ key: "k", value });
    const { bytes, messages } = await both(
      GET,
      (node) => void node.machine.apply([{ index: 1, command: put }]),
    );
    expect(bytes.answer).toEqual(messages.answer);
    expect(bytes.answer).toMatchObject({ err: "OK", value });
  }
});

test("a value that is no text is refused", async () => {
  const writes = [
    {
      write: { conditions: [], operations: [{ type: "put", key: "k", value: "\u00ff" } as const] },
      serial: null,
    },
  ];
  const prepare = (node: FakeNode): void =>
    void node.machine.apply([{ index: 1, command: encodeWrites(writes) }]);
  const { bytes, messages } = await both(GET, prepare);
  expect(bytes).toEqual(messages);
  expect(bytes.answer).toMatchObject([Code.FailedPrecondition, expect.stringContaining("UTF-8")]);
});

/** Gets each of `keys` of a node that has the keys "0" to "9", each with itself as its value. */
function getAll(
  node: FakeNode,
  keys: readonly string[],
  consistency: (at: number) => string,
): Promise<unknown[]> {
  const service = kvService(node);
  const answers = keys.map(async (key, at) => {
    const requestHeader = new Headers({ [CONSISTENCY_HEADER]: consistency(at) });
    const { signal } = new AbortController();
    const context = { signal, timeoutMs: () => undefined, responseHeader: new Headers(), requestHeader };
    const answer = await service.commandBytes(bytesOfRequest({ key, op: Op.GET }), context);
    const { err, value } = fromBinary(CommandResponseSchema, answer ?? new Uint8Array(0));
    return err === "OK" ? value : err;
  });
  return Promise.all(answers);
}

const tenKeys = (node: FakeNode): void => {
  const puts = Array.from("0123456789", (key, at) => ({
    index: at + 1,
    command: bytesOfRequest({ key, value: key }),
  }));
  void node.machine.apply(puts);
};

test("GETs that come together are one question for each consistency, and each has its own answer", async () => {
  const node = new FakeNode();
  tenKeys(node);
  const keys = Array.from({ length: 40 }, (_, at) => String((at * 7) % 12));
  const expected = keys.map((key) => (Number(key) < 10 ? key : "ErrNoKey"));
  expect(await getAll(node, keys, (at) => (at % 3 === 0 ? "stale" : "linearizable"))).toEqual(expected);
  expect(new Set(node.consistencies)).toEqual(new Set(["linearizable", "stale"]));
  expect(node.consistencies).toHaveLength(2);
  // Of a thousand and one more, there are two.
  const many = Array.from({ length: 1025 }, () => "4");
  expect(new Set(await getAll(node, many, () => "lease"))).toEqual(new Set(["4"]));
  expect(node.consistencies.filter((consistency) => consistency === "lease")).toHaveLength(2);
});

test("a GET never gets the answer of a question that was asked before it came", async () => {
  const node = new FakeNode();
  const [first] = await getAll(node, ["0"], () => "linearizable");
  expect(first).toBe("ErrNoKey");
  tenKeys(node);
  expect(await getAll(node, ["0"], () => "linearizable")).toEqual(["0"]);
  const service = kvService(node);
  const { signal } = new AbortController();
  const context = { signal, timeoutMs: () => undefined, responseHeader: new Headers() };
  const early = service.commandBytes(GET, context);
  await settle();
  const late = service.commandBytes(GET, context);
  await Promise.all([early, late]);
  expect(node.queries).toHaveLength(4);
});
