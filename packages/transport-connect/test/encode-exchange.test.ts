import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ExchangeRequestSchema, Lane } from "@eraft/proto/eraft/peer/v1";
import { expect, test } from "vitest";
import { encodeExchange } from "../src/codec/peer/encode-exchange.ts";
import { encodeEnvelope } from "../src/node/envelopes.ts";

type Frame = MessageInitShape<typeof ExchangeRequestSchema>;

const BEFORE = 3;

function encoded(fields: Frame): Uint8Array | null {
  return encodeExchange(create(ExchangeRequestSchema, fields), BEFORE, (size) => new Uint8Array(size));
}

function append(fields: object): Frame {
  const value = { prevLogIndex: 7n, prevLogTerm: 2n, leaderCommit: 6n, ...fields };
  return {
    lane: Lane.BULK,
    requests: [{ sequence: 9n, term: 3n, body: { case: "appendEntries", value } }],
  };
}

const command = (sizeBytes: number) => new Uint8Array(sizeBytes).map((_, at) => at % 251);

/** Where a varint gets longer, and the largest that a term or an index can be. */
const NUMBERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 32 - 1, 2 ** 32, 2 ** 49 - 1, 2 ** 49, 2 ** 53 - 1];

const FRAMES: readonly [string, Frame][] = [
  ["no requests", { lane: Lane.CONTROL, requests: [] }],
  ["nothing at all", {}],
  ["a heartbeat", append({})],
  ["a heartbeat of the beginning", append({ prevLogIndex: 0n, prevLogTerm: 0n, leaderCommit: 0n })],
  ...NUMBERS.map((number): [string, Frame] => [
    `the number ${number}`,
    {
      lane: Lane.BULK,
      requests: [
        {
          sequence: BigInt(number),
          term: BigInt(number),
          body: {
            case: "appendEntries",
            value: {
              prevLogIndex: BigInt(number),
              prevLogTerm: BigInt(number),
              leaderCommit: BigInt(number),
              entries: [{ term: BigInt(number), command: command(3) }],
            },
          },
        },
      ],
    },
  ]),
  ...[0, 1, 125, 126, 127, 128, 16_381, 16_384, 2_097_149, 2_097_152].map((size): [string, Frame] => [
    `a command of ${size} bytes`,
    append({ entries: [{ command: command(size) }, { term: 2n, command: command(5) }] }),
  ]),
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

test.each(FRAMES)("of %s it makes the bytes that protobuf-es makes", (_name, frame) => {
  const bytes = encoded(frame);
  const expected = toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, frame));
  expect(Buffer.from(bytes?.subarray(BEFORE) ?? []).equals(expected)).toBe(true);
  const envelope = encodeEnvelope(ExchangeRequestSchema, create(ExchangeRequestSchema, frame));
  expect(envelope.subarray(5).equals(expected)).toBe(true);
  expect(envelope.readUInt32BE(1)).toBe(expected.byteLength);
  expect(envelope[0]).toBe(0);
});

test.each<[string, Frame]>([
  ["a hello", { hello: { versionMin: 1 } }],
  ["a rejection", { rejection: {} }],
  ["a vote", { requests: [{ body: { case: "requestVote", value: {} } }] }],
  ["a configuration", append({ entries: [{ configuration: {} }] })],
])("%s is left to protobuf-es", (_name, frame) => {
  expect(encoded(frame)).toBe(null);
  const message = create(ExchangeRequestSchema, frame);
  const envelope = encodeEnvelope(ExchangeRequestSchema, message);
  expect(envelope.subarray(5).equals(toBinary(ExchangeRequestSchema, message))).toBe(true);
});
