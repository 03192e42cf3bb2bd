import { type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type PutRequest,
  type StreamReplySchema,
  StreamRequestSchema,
  StreamResponseSchema,
} from "@eraft/proto/eraft/kv/v1";
import { CommandRequestSchema, CommandResponseSchema, Op } from "@eraft/proto/kvraftpb";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { KeySpinner } from "../src/load/key-spinner.ts";
import { keyAt, valueOf } from "../src/load/keys.ts";
import { countReplies, putRequests } from "../src/load/stream-messages.ts";
import { frame } from "../src/systems/grpc-client.ts";
import { eraft } from "../src/systems/eraft.ts";
import { Fields, message } from "../src/systems/protobuf.ts";

const { put, get } = eraft();

function encoded(err: string, value: string): Uint8Array {
  return toBinary(CommandResponseSchema, create(CommandResponseSchema, { err, value }));
}

function answer(err: string, value = ""): Fields {
  return new Fields(encoded(err, value));
}

/** Of an answer in its frame. */
function bytes(err: string, value = ""): number {
  return frame(encoded(err, value)).length;
}

test("requests of our own encoding are what the contract's code reads", () => {
  const value = valueOf(128, 5);
  const read = fromBinary(CommandRequestSchema, put.encode(keyAt(3), value));
  expect(read).toMatchObject({ key: "key-000000000003", value: value.toString(), op: Op.PUT, clientId: 0n });
  expect(fromBinary(CommandRequestSchema, get.encode(keyAt(3), value))).toMatchObject({
    op: Op.GET,
    value: "",
  });
});

test("answers that the contract's code writes are understood, and refusals are told from them", () => {
  expect(put.refusal(answer("OK"))).toBeNull();
  expect(put.refusal(answer("ErrTimeout"))).toBe("ErrTimeout");
  expect(get.value(answer("OK", "v"))?.toString()).toBe("v");
  expect(get.value(answer("ErrNoKey"))).toBeNull();
  expect(get.refusal(answer("ErrNoKey"))).toBeNull();
  expect(get.refusal(answer("ErrWrongLeader"))).toBe("ErrWrongLeader");
});

test("by the bytes of all answers together, a single refusal shows", () => {
  expect(put.fits(100 * bytes("OK"), 100, 0)).toBe(true);
  for (const refused of [bytes("ErrTimeout"), bytes("ErrWrongLeader"), 0]) {
    expect(put.fits(99 * bytes("OK") + refused, 100, 0)).toBe(false);
  }
  const found = bytes("OK", "v".repeat(128));
  expect(get.fits(100 * found, 100, 128)).toBe(true);
  expect(get.fits(99 * found + bytes("ErrNoKey"), 100, 128)).toBe(false);
});

test("numbers of every length, text and messages come back; what ends too early is no message", () => {
  for (const number of [0n, 1n, 127n, 128n, 300n, 2n ** 63n]) {
    expect(new Fields(message([3, number])).number(3)).toBe(number);
  }
  const outer = new Fields(message([1, message([2, "x"])], [16, 7]));
  expect(outer.message(1).text(2)).toBe("x");
  expect(outer.number(16)).toBe(7n);
  expect([outer.text(5), outer.bytes(5), outer.number(5)]).toEqual(["", null, 0n]);
  const whole = message([1, "abc"]);
  for (let length = 1; length < whole.length; length += 1) {
    expect(() => new Fields(whole.subarray(0, length))).toThrow("ends within");
  }
});

test("the body that h2load sends has another key every time it is looked at, of those there are", async () => {
  const dir = mkdtempSync(join(tmpdir(), "eraft-bench-keys-"));
  const spinner = new KeySpinner(join(dir, "body"), 1000, (key) => put.encode(key, valueOf(16, 0)));
  onTestFinished(() => {
    spinner.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const seen = new Set<string>();
  while (seen.size < 20) {
    const body = readFileSync(spinner.path);
    expect(body.readUInt32BE(1)).toBe(body.length - 5);
    const { key, value } = fromBinary(CommandRequestSchema, body.subarray(5));
    expect(key).toMatch(/^key-000000000\d{3}$/);
    expect(value).toBe(valueOf(16, 0).toString());
    seen.add(key);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});

test("a value says which write it is of, and has the length that was asked for", () => {
  for (const bytes of [1, 12, 16, 128]) expect(valueOf(bytes, 123_456)).toHaveLength(bytes);
  expect(valueOf(128, 17).equals(valueOf(128, 18))).toBe(false);
});

const reply = (id: number, revision: number) => ({
  callId: BigInt(id),
  reply: { case: "put", value: { revision: BigInt(revision) } } as const,
});
const responseOf = (...replies: MessageInitShape<typeof StreamReplySchema>[]): Buffer =>
  Buffer.from(toBinary(StreamResponseSchema, create(StreamResponseSchema, { replies })));

test("the messages of a stream are what the generated code reads and writes", () => {
  const puts = { sessionId: 300, keys: 7, valueBytes: 128 };
  const framed = putRequests(puts, 5, 25, 3);
  expect(framed.readUInt32BE(1)).toBe(framed.length - 5);
  const { calls } = fromBinary(StreamRequestSchema, framed.subarray(5));
  expect(calls).toHaveLength(20);
  for (const [at, { callId, call }] of calls.entries()) {
    const number = 5 + at;
    expect(callId).toBe(BigInt(number + 1));
    const { key, value, serial } = call.value as PutRequest;
    expect([call.case, Buffer.from(key).toString(), Buffer.from(value).toString()]).toEqual([
      "put",
      keyAt(number % 7),
      valueOf(128, number).toString(),
    ]);
    expect(serial).toMatchObject({ sessionId: 300n, sequence: BigInt(number + 1), firstUnanswered: 3n });
  }
  expect(countReplies(responseOf(reply(127, 1), reply(128, 2), reply(129, 300)), 127)).toBe(3);
  expect(() => countReplies(responseOf(reply(127, 1), reply(129, 2)), 127)).toThrow("out of its turn");
  const refusal = { callId: 127n, reply: { case: "failure", value: { message: "busy" } } } as const;
  expect(() => countReplies(responseOf(refusal), 127)).toThrow(/refused: .*busy/s);
  expect(() =>
    countReplies(responseOf({ callId: 127n, reply: { case: "delete", value: {} } } as const), 127),
  ).toThrow("something else");
  expect(() => countReplies(responseOf(reply(127, 1)).subarray(0, 3), 127)).toThrow("ends within");
});
