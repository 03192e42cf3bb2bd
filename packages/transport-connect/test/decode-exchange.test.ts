import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ExchangeRequestSchema, Lane, RequestSchema } from "@eraft/proto/eraft/peer/v1";
import { expect, test } from "vitest";
import { decodeExchange } from "../src/codec/peer/decode-exchange.ts";
import { decodeMessage } from "../src/node/envelopes.ts";

type Frame = MessageInitShape<typeof ExchangeRequestSchema>;

function bytesOf(fields: Frame): Uint8Array {
  return toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, fields));
}

/** Within other bytes, as in a chunk from a connection. */
function amid(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const chunk = new Uint8Array(Math.max(sizeBytes, bytes.length + 7)).fill(0xee);
  chunk.set(bytes, 7);
  return chunk.subarray(7, 7 + bytes.length);
}

function append(fields: object): Frame {
  const value = { prevLogIndex: 7n, prevLogTerm: 2n, leaderCommit: 6n, ...fields };
  return {
    lane: Lane.BULK,
    requests: [{ sequence: 9n, term: 3n, body: { case: "appendEntries", value } }],
  };
}

const command = (sizeBytes: number) => new Uint8Array(sizeBytes).map((_, at) => at % 251);
const sized = (...sizes: readonly number[]) => sizes.map((size) => ({ command: command(size) }));

/** Where a varint gets longer, and the largest that a term or an index can be. */
const NUMBERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 32 - 1, 2 ** 32, 2 ** 49 - 1, 2 ** 49, 2 ** 53 - 1];

const FRAMES: readonly [string, Frame][] = [
  ["no requests", { lane: Lane.CONTROL, requests: [] }],
  ["nothing at all", {}],
  ["a heartbeat", append({})],
  ["a heartbeat of the beginning", append({ prevLogIndex: 0n, prevLogTerm: 0n, leaderCommit: 0n })],
  ...NUMBERS.map((number): [string, Frame] => {
    const value = {
      prevLogIndex: BigInt(number),
      prevLogTerm: BigInt(number),
      leaderCommit: BigInt(number),
      entries: [{ term: BigInt(number), command: command(3) }],
    };
    const body = { case: "appendEntries", value } as const;
    return [
      `the number ${number}`,
      { lane: Lane.BULK, requests: [{ sequence: BigInt(number), term: BigInt(number), body }] },
    ];
  }),
  ...[0, 1, 127, 128, 4096, 4097, 16_384, 2_097_152].map((size): [string, Frame] => [
    `a command of ${size} bytes`,
    append({ entries: [{ command: command(size) }, { term: 2n, command: command(5) }] }),
  ]),
  ["commands that share memory", append({ entries: sized(...Array.from({ length: 1000 }, (_, i) => i)) })],
  ["small ones among large ones", append({ entries: sized(10, 5000, 20, 4096, 16_000, 30, 0, 40) })],
  [
    "many requests of many entries",
    {
      lane: Lane.BULK,
      requests: Array.from({ length: 20 }, (_, i) => ({
        sequence: BigInt(i * 37),
        term: 5n,
        body: {
          case: "appendEntries",
          value: {
            prevLogIndex: BigInt(i * 50),
            entries: Array.from({ length: i * 7 }, (_, j) => ({ command: command(j * 3) })),
          },
        },
      })),
    },
  ],
];

test.each(FRAMES)("in %s it finds what protobuf-es finds", (_name, frame) => {
  const bytes = bytesOf(frame);
  for (const chunkBytes of [0, 100_000]) {
    const found = decodeExchange(amid(bytes, chunkBytes));
    // Plain, as messages of protobuf-es are; but for these nothing looks at what else they have.
    expect(found).toEqual({ ...fromBinary(ExchangeRequestSchema, bytes) });
  }
});

test.each<[string, Frame]>([
  ["a hello", { hello: { versionMin: 1 } }],
  ["a rejection", { rejection: {} }],
  ["a vote", { requests: [{ body: { case: "requestVote", value: {} } }] }],
  ["no body", { requests: [{ sequence: 1n }] }],
  ["a configuration", append({ entries: [{ configuration: {} }] })],
  ["a number above all that is allowed", append({ prevLogIndex: 2n ** 53n })],
  ["the largest number", append({ prevLogIndex: 2n ** 64n - 1n })],
  ["a lane from far in the future", { lane: -1 as Lane }],
])("%s is left to protobuf-es", (_name, frame) => {
  const bytes = bytesOf(frame);
  expect(decodeExchange(bytes)).toBe(null);
  expect(decodeMessage(ExchangeRequestSchema, bytes)).toEqual(fromBinary(ExchangeRequestSchema, bytes));
});

test("bytes that are no frame are none for both, wherever they break off or have a bit that is wrong", () => {
  const bytes = bytesOf(append({ entries: [{ command: command(40) }, { term: 2n, command: command(300) }] }));
  const wrong: string[] = [];
  let agreed = 0;
  const compare = (what: string, damaged: Uint8Array): void => {
    const found = decodeExchange(damaged);
    if (found === null) return;
    agreed += 1;
    try {
      expect(found).toEqual({ ...fromBinary(ExchangeRequestSchema, damaged) });
    } catch (error) {
      wrong.push(`${what}: ${String(error)}`);
    }
  };
  for (let length = 0; length < bytes.length; length += 1)
    compare(`cut at ${length}`, bytes.slice(0, length));
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const damaged = bytes.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    compare(`bit ${bit}`, damaged);
  }
  expect(wrong).toEqual([]);
  // Within a command, a bit more or less makes another one.
  expect(agreed).toBeGreaterThan(8 * 340);
});

test("of two bodies protobuf-es makes one", () => {
  const [first, second] = [append({ entries: sized(3) }), append({ entries: sized(4), leaderCommit: 0n })];
  const bodies = [first, second].map((frame) => {
    const [request] = create(ExchangeRequestSchema, frame).requests;
    if (request === undefined) throw new Error("a request");
    return toBinary(RequestSchema, request);
  });
  const length = bodies.reduce((sum, body) => sum + body.length, 0);
  const joined = Uint8Array.from([0x1a, length, ...bodies.flatMap((body) => [...body])]);
  expect(decodeExchange(joined)).toBe(null);
  const frame = decodeMessage(ExchangeRequestSchema, joined);
  expect(frame).toEqual(fromBinary(ExchangeRequestSchema, joined));
  expect(frame.requests).toMatchObject([{ body: { value: { leaderCommit: 6n, entries: sized(3, 4) } } }]);
});

test("a small command that is kept does not keep a message of megabytes", () => {
  const bytes = amid(bytesOf(append({ entries: sized(...Array.from({ length: 20_000 }, () => 100)) })), 4e6);
  const [request] = decodeExchange(bytes)?.requests ?? [];
  if (request?.body.case !== "appendEntries") throw new Error("an append");
  const { entries } = request.body.value;
  expect(Math.max(...entries.map((entry) => entry.command.buffer.byteLength))).toBe(16_384);
  expect(new Set(entries.map((entry) => entry.command.buffer)).size).toBeLessThan(150);
});
