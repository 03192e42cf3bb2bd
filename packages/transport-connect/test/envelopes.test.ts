import { Code } from "@connectrpc/connect";
import { ExchangeRequestSchema } from "@eraft/proto/eraft/peer/v1";
import { expect, test } from "vitest";
import { encodeEnvelope, EnvelopeReader } from "../src/node/envelopes.ts";

function readerOf(maxBytes = 1000) {
  const messages: Uint8Array[] = [];
  return { messages, reader: new EnvelopeReader(maxBytes, (message) => messages.push(message)) };
}

function envelope(...bytes: number[]): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, Buffer.from(bytes)]);
}

const stream = Buffer.concat([envelope(1, 2, 3), envelope(), envelope(4), envelope(), envelope(5, 6, 7, 8)]);
const expected = [[1, 2, 3], [], [4], [], [5, 6, 7, 8]].map((bytes) => Uint8Array.from(bytes));

test("messages are found however the stream is cut", () => {
  for (let size = 1; size <= stream.length; size += 1) {
    const { messages, reader } = readerOf();
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    expect(messages).toEqual(expected);
    expect(reader.isWithin).toBe(false);
  }
});

test("they are plain bytes, and one that came in pieces is in memory of its own size", () => {
  const { messages, reader } = readerOf();
  reader.push(envelope(1, 2, 3).subarray(0, 6));
  expect(reader.isWithin).toBe(true);
  reader.push(envelope(1, 2, 3).subarray(6));
  expect(messages[0]).not.toBeInstanceOf(Buffer);
  expect(messages[0]?.buffer.byteLength).toBe(3);
});

test("a message above the limit is refused by its length, before any of it is kept", () => {
  const { messages, reader } = readerOf(3);
  reader.push(envelope(1, 2, 3));
  const tooLong = Buffer.from("00ffffffff", "hex");
  expect(() => reader.push(tooLong)).toThrow(expect.objectContaining({ code: Code.ResourceExhausted }));
  expect(messages).toHaveLength(1);
});

test("a message that is compressed is none", () => {
  const { reader } = readerOf();
  expect(() => reader.push(Buffer.from("0100000000", "hex"))).toThrow(
    expect.objectContaining({ code: Code.Unimplemented }),
  );
});

test("a message is framed with its length", () => {
  const bytes = encodeEnvelope(ExchangeRequestSchema, {
    $typeName: "eraft.peer.v1.ExchangeRequest",
    lane: 2,
    requests: [],
  });
  expect(bytes.toString("hex")).toBe("00000000021002");
});
